"""ONNX Runtime. No torch is imported here."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from serving.errors import WrongTensor


class OnnxSession:
    def __init__(self, path: Path, _inputs: list[str], outputs: list[str], threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.outputs = outputs
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raises WrongTensor for values that the graph cannot take, such as an index outside of a table."""
        try:
            return dict(zip(self.outputs, self.session.run(self.outputs, inputs), strict=True))
        except InvalidArgument as error:
            raise WrongTensor(str(error).partition("Status Message: ")[2] or str(error)) from error
