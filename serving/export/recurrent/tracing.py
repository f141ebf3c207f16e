"""Lets torch.export trace recurrent layers at any length, alone and between packing and padding."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from torchferry.serving.export.recurrent.operator import KINDS, RECURRENT
from torchferry.serving.export.recurrent.packed import Lengths, steps_of
from torchferry.serving.export.recurrent.torchs_functions import padding_stays


class Recurrences(TorchFunctionMode):
    """Torch's functions of recurrent layers become our operator."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = getattr(func, "__name__", "")
        if kind in KINDS and func is getattr(torch, kind):
            return _packed(kind, *args) if isinstance(args[1], Lengths) else _padded(kind, *args)
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def traceable() -> Iterator[None]:
    with warnings.catch_warnings(), padding_stays(), Recurrences():
        # Torch takes its own list of a layer's weights for one that the network would keep.
        warnings.filterwarnings("ignore", ".*_flat_weights.*were assigned during export")
        yield


def _padded(
    kind: str,
    x: torch.Tensor,
    states: Any,
    weights: Any,
    _biases: bool,
    layers: int,
    _dropout: float,
    _training: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[torch.Tensor, ...]:
    steps = x.transpose(0, 1) if batch_first else x
    given, *last = RECURRENT(kind, steps, None, _listed(states), list(weights), layers, bidirectional)
    return (given.transpose(0, 1) if batch_first else given, *last)


def _packed(
    kind: str,
    data: torch.Tensor,
    batch_sizes: Lengths,
    states: Any,
    weights: Any,
    _biases: bool,
    layers: int,
    _dropout: float,
    _training: bool,
    bidirectional: bool,
) -> tuple[torch.Tensor, ...]:
    steps = steps_of(data, batch_sizes)
    given, *last = RECURRENT(kind, steps, batch_sizes.lengths, _listed(states), list(weights), layers, bidirectional)
    return (given.flatten(0, 1), *last)


def _listed(states: Any) -> list[torch.Tensor]:
    """A LSTM has two, others one."""
    return [states] if isinstance(states, torch.Tensor) else list(states)
