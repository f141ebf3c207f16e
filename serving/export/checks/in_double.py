"""A reference in float64, where what float32 rounds is a billionth of what it was and the rest stays."""

import copy
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from torchferry.serving.export.checks.company import Arrays
from torchferry.serving.export.reference import Reference

NARROW = (torch.float32, torch.float16, torch.bfloat16)


class InDouble(TorchFunctionMode):
    """A copy of the network. What it casts itself to less is rounded there, alike in every batch, and is float64 again
    at once, so that float32 and float64 never meet."""

    def __init__(self, reference: Reference) -> None:
        super().__init__()
        self.reference, self.module = reference, copy.deepcopy(reference.module).double()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return tree_map(_doubled, func(*args, **(kwargs or {})))

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """As Reference.run, of samples that may be computed together. Raises whatever the network says to float64."""
        tensors = [_doubled(torch.from_numpy(inputs[spec.name])) for spec in self.reference.inputs]
        with torch.inference_mode(), self:
            given = self.module(*tensors)
        given = given if isinstance(given, tuple) else (given,)
        return {spec.name: value.numpy() for spec, value in zip(self.reference.outputs, given, strict=True)}


def _doubled(value: Any) -> Any:
    return value.double() if isinstance(value, torch.Tensor) and value.dtype in NARROW else value
