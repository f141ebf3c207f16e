"""A handler as TorchServe's documentation writes one: initialize, and handle by preprocess, inference and postprocess.

Its archive holds the model as the serialized file, and the threads of an operator in model-config.yaml.
"""

import base64
import io
import json
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image


class OnnxHandler:
    def initialize(self, context: Any) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = context.model_yaml_config["handler"]["threads"]
        options.log_severity_level = 3
        path = Path(context.system_properties["model_dir"], context.manifest["model"]["serializedFile"])
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def handle(self, rows: list[dict[str, Any]], context: Any) -> list[str]:  # noqa: ARG002
        """All that it is given at once is computed in one call."""
        given = [self.preprocess(row.get("data") or row.get("body")) for row in rows]
        joined = {name: np.concatenate([inputs[name] for inputs in given]) for name in given[0]}
        outputs = self.inference(joined)
        ends = accumulate((len(next(iter(inputs.values()))) for inputs in given), initial=0)
        return [self.postprocess([values[start:end] for values in outputs]) for start, end in pairwise(ends)]

    def preprocess(self, body: Any) -> dict[str, np.ndarray]:
        """An image, an instance with images as base64, or tensors as JSON."""
        given = self.session.get_inputs()
        if not body.startswith(b"{"):
            (image,) = given
            return {image.name: self.pixels(body, image)[np.newaxis]}
        content = json.loads(body)
        if "instances" in content:
            (sample,) = content["instances"]
            return {each.name: self.value(sample[each.name], each)[np.newaxis] for each in given}
        return {
            tensor["name"]: np.array(tensor["data"], tensor["datatype"].lower().replace("fp", "float")).reshape(
                tensor["shape"]
            )
            for tensor in content["inputs"]
        }

    def value(self, given: Any, wanted: Any) -> np.ndarray:
        if isinstance(given, dict):
            return self.pixels(base64.b64decode(given["b64"]), wanted)
        kind = wanted.type.removeprefix("tensor(").removesuffix(")")
        return np.array(given, {"float": "float32", "double": "float64"}.get(kind, kind))

    def pixels(self, file: bytes, wanted: Any) -> np.ndarray:
        pixels = np.asarray(Image.open(io.BytesIO(file)).convert("L" if wanted.shape[1] == 1 else "RGB"))
        return np.atleast_3d(pixels).transpose(2, 0, 1)

    def inference(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return list(self.session.run(self.names, inputs))

    def postprocess(self, outputs: list[np.ndarray]) -> str:
        return json.dumps({name: values.tolist() for name, values in zip(self.names, outputs, strict=True)})
