"""Helpers of the apps beside it, which all have this folder on their path: the model, and tensors as text in JSON.

A tensor in JSON has its datatype of numpy, its shape and its bytes in base64, which cost less to read than numbers.
"""

import base64
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import onnxruntime

Tensors = dict[str, np.ndarray]


class OnnxModel:
    def __init__(self, path: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def run(self, inputs: Tensors) -> Tensors:
        return dict(zip(self.names, self.session.run(self.names, inputs), strict=True))

    def run_together(self, requests: Sequence[Tensors]) -> list[Tensors]:
        """The outputs of each, all computed in one call."""
        joined = {name: np.concatenate([request[name] for request in requests]) for name in requests[0]}
        outputs = self.run(joined)
        ends = accumulate((len(next(iter(request.values()))) for request in requests), initial=0)
        return [{name: of[start:end] for name, of in outputs.items()} for start, end in pairwise(ends)]


def decoded(tensors: Mapping[str, Mapping[str, Any]]) -> Tensors:
    return {
        name: np.frombuffer(base64.b64decode(tensor["data"]), tensor["datatype"]).reshape(tensor["shape"])
        for name, tensor in tensors.items()
    }


def encoded(outputs: Tensors) -> dict[str, list]:
    return {name: values.tolist() for name, values in outputs.items()}
