"""A custom predictor of KServe as its documentation writes one: a Model that loads and predicts, and a ModelServer.

`python kserve_app.py --model MODEL.onnx --threads N --tensors JSON`, and KServe's own options. JSON has the model's
inputs and outputs as its metadata say them.
"""

import argparse
import json
from typing import Any

import kserve  # type: ignore[import-not-found]
from kserve.utils.numpy_codec import from_np_dtype  # type: ignore[import-not-found]
from kserve.utils.utils import generate_uuid  # type: ignore[import-not-found]
from onnx_model import OnnxModel


class OnnxRuntime(kserve.Model):  # type: ignore[misc] # which mypy cannot see
    def __init__(self, given: argparse.Namespace) -> None:
        super().__init__(given.model_name)
        self.given, self.tensors = given, json.loads(given.tensors)
        self.load()

    def load(self) -> bool:
        self.model = OnnxModel(self.given.model, self.given.threads)
        self.ready = True
        return self.ready

    def get_input_types(self) -> list[dict[str, Any]]:
        return list(self.tensors["inputs"])

    def get_output_types(self) -> list[dict[str, Any]]:
        return list(self.tensors["outputs"])

    def predict(
        self,
        payload: kserve.InferRequest,
        headers: Any = None,  # noqa: ARG002
        response_headers: Any = None,  # noqa: ARG002
    ) -> kserve.InferResponse:
        outputs = []
        for name, values in self.model.run({tensor.name: tensor.as_numpy() for tensor in payload.inputs}).items():
            output = kserve.InferOutput(name, list(values.shape), from_np_dtype(values.dtype))
            output.set_data_from_numpy(values, binary_data=bool(payload.use_binary_outputs))
            outputs.append(output)
        return kserve.InferResponse(generate_uuid(), self.name, outputs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    for option, kind in (("--model", str), ("--threads", int), ("--tensors", str)):
        parser.add_argument(option, type=kind, required=True)
    kserve.ModelServer().start([OnnxRuntime(parser.parse_args())])
