"""model.py of Triton's Python backend, as its documentation writes one; the model lies beside it."""

import json
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(config["parameters"]["threads"]["string_value"])
        options.log_severity_level = 3
        path = Path(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def execute(self, requests: list[Any]) -> list[Any]:
        """All that it is given at once is computed in one call."""
        given = [[pb_utils.get_input_tensor_by_name(one, name).as_numpy() for name in self.inputs] for one in requests]
        joined = [np.concatenate(values) for values in zip(*given, strict=True)]
        outputs = self.session.run(self.outputs, dict(zip(self.inputs, joined, strict=True)))
        ends = accumulate((len(values[0]) for values in given), initial=0)
        parts = [[values[start:end] for values in outputs] for start, end in pairwise(ends)]
        return [pb_utils.InferenceResponse(list(map(pb_utils.Tensor, self.outputs, of))) for of in parts]
