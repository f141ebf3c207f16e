"""The input of a network of transformers where nobody says it: its picture, if it takes one of a known size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.forward_signature import forward_signature
from torchferry.serving.export.external.published.huggingface_file import FILE

LONG = 128
"""Words of the example in a refusal."""
COLOURS = {1: "image:L", 3: "image", 4: "image:RGBA"}
OF_WORDS = ("input_ids", "attention_mask", "decoder_input_ids")
EXAMPLES = {"input_values": "tensor:FP32:16000", "input_features": "tensor:FP32:80x3000"}


def texts_of(network: nn.Module, config: Any, folder: Path) -> list[str]:
    """As --input says it. Raises UserError with an example for a network of anything else, and for a picture of which
    nothing says the size."""
    main = getattr(network, "main_input_name", "input_ids")
    if main == "pixel_values" and not hasattr(config, "num_frames") and "input_ids" not in _needed(network):
        colours = COLOURS.get(getattr(config, "num_channels", 3))
        if colours and (folder / FILE).is_file():
            return [colours]
        if colours and (size := _size(config)):
            return [f"{colours}:{size}"]
        example = f"{colours}:224" if colours else "pixel_values=tensor:FP32:CHANNELSx224x224"
        raise UserError(f"--input: is missing, and nothing in {folder} says a size; give one, such as {example}")
    names = (
        [name for name in OF_WORDS if name in forward_signature(network).parameters] if main == "input_ids" else [main]
    )
    given = " ".join(f"--input {name}={_example(name, config)}" for name in names)
    raise UserError(f"--input: is missing; {folder} takes {', '.join(names)}; say their sizes, such as {given}")


def _example(name: str, config: Any) -> str:
    if name in OF_WORDS:
        return f"tensor:INT64:{min(LONG, getattr(config, 'max_position_embeddings', None) or LONG)}"
    return EXAMPLES.get(name, "tensor:FP32:SIZES")


def _size(config: Any) -> str:
    size = getattr(config, "image_size", None)
    sides: Sequence[Any] = size if isinstance(size, list | tuple) else [size]
    return "x".join(map(str, sides)) if all(isinstance(side, int) for side in sides) and len(sides) < 3 else ""


def _needed(network: nn.Module) -> list[str]:
    parameters = forward_signature(network).parameters.values()
    return [each.name for each in parameters if each.default is each.empty]
