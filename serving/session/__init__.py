"""A variant loaded and ready to run; each runtime is imported only when one of its variants is opened."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.errors import BundleError

RUNTIMES = {
    "torch": "torchferry.serving.session.torch_session:TorchSession",
    "torch-compile": "torchferry.serving.session.compiled_session:CompiledSession",
    "torch-aoti": "torchferry.serving.session.aoti_session:AotiSession",
    "onnx-fp32": "torchferry.serving.session.onnx_session:OnnxSession",
    "onnx-fp16": "torchferry.serving.session.onnx_session:OnnxSession",
    "onnx-int8": "torchferry.serving.session.onnx_session:OnnxSession",
}


class Session(Protocol):
    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; the first axis of each is the batch."""


def open_session(variant: str, path: Path, inputs: list[str], outputs: list[str], threads: int) -> Session:
    """Load the file of a variant to compute on `threads` cores."""
    module, name = RUNTIMES[variant].split(":")
    return getattr(importlib.import_module(module), name)(path, inputs, outputs, threads)


def open_variant(bundle: Bundle, variant: str, threads: int) -> Session:
    """Load an accepted variant whose file is the one that was exported. Raises UserError."""
    if variant not in bundle.accepted:
        raise UserError(f"{bundle.root}: has no accepted variant '{variant}', only {', '.join(bundle.accepted)}")
    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (bundle.inputs, bundle.outputs))
    return open_session(variant, bundle.verified(bundle.variants[variant].file), inputs, outputs, threads)


def check_golden(session: Session, bundle: Bundle, variant: str) -> None:
    """Raise BundleError unless the session gives the golden outputs for the golden inputs."""
    inputs, expected = bundle.golden()
    answered = session.run(inputs)
    tolerance = bundle.variants[variant].golden_tolerance
    for name, values in expected.items():
        # As float64: unsigned numbers would wrap around, and truth values have no difference.
        difference = float(np.abs(answered[name].astype(np.float64) - values).max())
        if not difference <= tolerance:  # so that NaN fails as well
            raise BundleError(
                f"{bundle.name} {variant}: its answer to the golden input differs by {difference:.2g} in '{name}'; "
                f"{tolerance:.2g} is allowed"
            )
