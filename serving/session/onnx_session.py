"""ONNX Runtime. No torch is imported here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from torchferry.serving.errors import WrongTensor

CPU = "CPUExecutionProvider"
QUIET = onnxruntime.RunOptions()
"""For calls, whose errors are raised and said by whoever asked: on stderr clients could fill the log with them."""
QUIET.log_severity_level = 4  # what ends the process


class OnnxSession:
    def __init__(
        self, path: Path, _inputs: list[str], outputs: list[str], threads: int, providers: Sequence[Any] = (CPU,)
    ) -> None:
        """`providers`: ONNX Runtime's execution providers, each a name or a name with options, by preference."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors alone, of loading: a provider that does not start says why
        self.outputs = outputs
        self.session = onnxruntime.InferenceSession(path, options, providers=list(providers))
        self.provider: str = self.session.get_providers()[0]
        """The one that was there, of those that were asked for."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raises WrongTensor for values that the graph cannot take, such as an index outside of a table."""
        try:
            return dict(zip(self.outputs, self.session.run(self.outputs, inputs, QUIET), strict=True))
        except InvalidArgument as error:
            raise WrongTensor(str(error).partition("Status Message: ")[2] or str(error)) from error
