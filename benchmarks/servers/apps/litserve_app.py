"""A LitServe server as its documentation writes one: a LitAPI that decodes, predicts and encodes.

`python litserve_app.py MODEL.onnx THREADS PORT MAX_BATCH DELAY_MS`; with a MAX_BATCH of 1 there is no batching.
"""

import sys
from typing import Any

import litserve
from onnx_model import OnnxModel, Tensors, decoded, encoded


class Model(litserve.LitAPI):  # type: ignore[misc] # which mypy cannot see
    def __init__(self, path: str, threads: int, **batching: Any) -> None:
        super().__init__(**batching)
        self.path, self.threads = path, threads

    def setup(self, device: str) -> None:  # noqa: ARG002
        self.model = OnnxModel(self.path, self.threads)

    def decode_request(self, request: dict[str, Any]) -> Tensors:
        return decoded(request)

    def predict(self, inputs: Any) -> Any:
        return self.model.run(inputs)

    def encode_response(self, outputs: Tensors) -> dict[str, list]:
        return encoded(outputs)


class Batching(Model):
    """Its own batch() stacks, which would add a dimension to samples that have theirs already."""

    def batch(self, inputs: list[Tensors]) -> list[Tensors]:
        return inputs

    def predict(self, inputs: Any) -> Any:
        return self.model.run_together(inputs)

    def unbatch(self, output: list[Tensors]) -> list[Tensors]:
        return output


if __name__ == "__main__":
    path, *numbers = sys.argv[1:]
    threads, port, max_batch, delay_ms = map(int, numbers)
    if max_batch > 1:
        api: Model = Batching(path, threads, max_batch_size=max_batch, batch_timeout=delay_ms / 1000)
    else:
        api = Model(path, threads)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
