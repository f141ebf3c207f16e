"""A network in float64, where what float32 rounds is a billionth of what it was and the rest stays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

NARROW = (torch.float32, torch.float16, torch.bfloat16)


class InDouble(TorchFunctionMode):
    """What the network casts itself to less is rounded there, alike in every batch, and is float64 again at once, so
    that float32 and float64 never meet."""

    def __init__(self, module: nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """`module` is changed, and so is a copy of the one that is served."""
        super().__init__()
        self.module, self.inputs, self.outputs = module.double(), inputs, outputs

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return tree_map(_doubled, func(*args, **(kwargs or {})))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As Reference.run, of samples that may be computed together. Raises whatever the network says to float64."""
        tensors = [_doubled(torch.from_numpy(inputs[name])) for name in self.inputs]
        with torch.inference_mode(), self:
            given = self.module(*tensors)
        given = given if isinstance(given, tuple) else (given,)
        return {name: value.numpy() for name, value in zip(self.outputs, given, strict=True)}


def _doubled(value: Any) -> Any:
    return value.double() if isinstance(value, torch.Tensor) and value.dtype in NARROW else value
