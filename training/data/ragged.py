"""Samples of unequal length that lie in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.training.data.membership import key_of


class Ragged(Dataset):
    """One after the other in one tensor; a sample is (its part of that, its target)."""

    deterministic = True

    def __init__(self, samples: Sequence[np.ndarray], targets: torch.Tensor) -> None:
        """`samples` are [length, ...] each, of one datatype."""
        self.lengths = np.fromiter(map(len, samples), np.int64, len(samples))
        self.targets = targets
        self._values = torch.from_numpy(np.concatenate(samples))
        self._starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Any]:
        start = int(self._starts[index])
        return self._values[start : start + int(self.lengths[index])], self.targets[index]

    def target(self, index: int) -> Any:
        return self.targets[index]

    def keys(self) -> np.ndarray:
        """uint64 [samples], of what they hold."""
        return np.array([key_of(self[index][0].numpy().tobytes()) for index in range(len(self))], np.uint64)
