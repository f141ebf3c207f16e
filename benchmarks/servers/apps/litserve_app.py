"""A LitServe server as its documentation writes one: a LitAPI that decodes, predicts and encodes; no batching.

`python litserve_app.py MODEL.onnx THREADS PORT`. A request's JSON has for each input its datatype of numpy, its
shape and its bytes in base64, which costs less to read than numbers.
"""

import base64
import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Model(litserve.LitAPI):  # type: ignore[misc] # which mypy cannot see
    def __init__(self, path: str, threads: int) -> None:
        super().__init__()
        self.path, self.threads = path, threads

    def setup(self, device: str) -> None:  # noqa: ARG002
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def decode_request(self, request: dict[str, Any]) -> dict[str, np.ndarray]:
        return {
            name: np.frombuffer(base64.b64decode(tensor["data"]), tensor["datatype"]).reshape(tensor["shape"])
            for name, tensor in request.items()
        }

    def predict(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return list(self.session.run(self.names, inputs))

    def encode_response(self, outputs: list[np.ndarray]) -> dict[str, Any]:
        return {name: values.tolist() for name, values in zip(self.names, outputs, strict=True)}


if __name__ == "__main__":
    model, threads, port = sys.argv[1:]
    server = litserve.LitServer(Model(model, int(threads)), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(port), log_level="warning", generate_client_file=False)
