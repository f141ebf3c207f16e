"""The smallest model that needs no code of its own."""

import json


def linear(inputs: int, outputs: int) -> list[str]:
    """What `torchferry export` is told of torch's own layer."""
    args = json.dumps({"in_features": inputs, "out_features": outputs})
    return ["--model", "torch.nn.Linear", "--model-args", args, "--input", f"table:{inputs}"]
