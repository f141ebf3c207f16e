"""Targets that are class indices, int64 [samples]."""

import numpy as np
import torch

from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.training.tasks.outputs import found_of
from torchferry.training.tasks.task import TrainingTask


class ClassTargets(TrainingTask):
    """The tasks that differ in what they make of classes."""

    task: Task
    targets, takes = "classes", "classes"

    @property
    def loss_width(self) -> int:
        return len(self.task.labels)

    def blank_targets(self, samples: int) -> torch.Tensor:
        return torch.zeros(samples, dtype=torch.int64)

    def varied_targets(self, samples: int, random: torch.Generator) -> torch.Tensor:
        return torch.randperm(samples, generator=random) % len(self.task.labels)

    def wrong_targets(self, targets: torch.Tensor) -> tuple[int, str] | None:
        if targets.dtype != torch.int64 or targets.dim() != 1:
            return 0, f"has a target of {found_of(targets)}; a class is int64 []"
        classes = len(self.task.labels)
        wrong = ((targets < 0) | (targets >= classes)).nonzero()
        if not classes or not len(wrong):  # a network from elsewhere may not know them
            return None
        at = int(wrong[0])
        return at, f"has class {int(targets[at])}, but there are {classes} labels, 0 to {classes - 1}"

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        return read_classes(given, given.dtype.kind in "iu", "integers", what)


def read_classes(given: np.ndarray, are_given: bool, numbers: str, what: str) -> np.ndarray:
    """int64 [samples] of a user's array. Raises UserError unless they `are_given`; `numbers` says what is expected."""
    if not are_given or not given.ndim or given.shape[1:] not in ((), (1,)):
        shape = list(given.shape)
        raise UserError(f"{what} is {given.dtype} {shape}; {numbers} are expected, [samples] or [samples, 1]")
    return given.reshape(-1).astype(np.int64)
