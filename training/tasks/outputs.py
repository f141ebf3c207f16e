"""The usual shape of raw outputs, float [samples, outputs], and what is said of other shapes."""

from typing import Any

import torch

from torchferry.errors import UserError
from torchferry.training.tasks.task import Raw, shapes_of


def check_shape(given: Any, samples: int, outputs: int, are: str) -> None:
    """Raises UserError for anything but a tensor of [samples, outputs]; `are` says what outputs stand for."""
    if isinstance(given, torch.Tensor) and tuple(given.shape) == (samples, outputs):
        return
    found = list(given.shape[1:]) if isinstance(given, torch.Tensor) else type(given).__name__
    each = "one output" if outputs == 1 else f"one output for each of {outputs} {are}"
    raise UserError(f"model: gives {found} per sample, not {each}; see its args")


def found_of(targets: torch.Tensor) -> str:
    """Datatype and shape of one of them, as a message says them."""
    return f"{str(targets.dtype).removeprefix('torch.')} {list(targets.shape[1:])}"


def one_of_scores(given: Raw, key: str) -> int:
    """The outputs of a network that gives one tensor of [batch, outputs]. Raises UserError for others."""
    if not isinstance(given, torch.Tensor) or given.dim() != 2:
        said = ", ".join(shapes_of(given))
        raise UserError(f"{key}: needs one output of [batch, outputs], not {said}; say --task tensors")
    return given.shape[1]
