"""Vectors of pairs that are the same or different."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from torchferry.contract.tasks.verification import Verification as VerificationTask
from torchferry.errors import UserError
from torchferry.training.tasks.embedding import Embedding


class Verification(Embedding):
    """As an embedding; what is learnt is the class of each sample, and what is judged are pairs. A target is (class,
    number of the pair, whether it is the same)."""

    task: VerificationTask
    targets, takes = "pairs", "pairs"

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs, targets[:, 0]

    def blank_targets(self, samples: int) -> torch.Tensor:
        return torch.zeros(samples, 3, dtype=torch.int64)

    def varied_targets(self, samples: int, random: torch.Generator) -> torch.Tensor:
        classes = super().varied_targets(samples, random)
        pairs = torch.arange(samples) // 2
        return torch.stack([classes, pairs, pairs % 2], dim=1)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return super().test_loss(outputs, targets[:, 0])

    def wrong_targets(self, targets: torch.Tensor) -> tuple[int, str] | None:
        if wrong := super().wrong_targets(targets[:, 0]):
            return wrong
        odd = ((targets[:, 2] != 0) & (targets[:, 2] != 1)).nonzero()
        return (int(odd[0]), "is of a pair that is neither the same, 1, nor different, 0") if len(odd) else None

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        """[samples, 2], without classes, which are for training."""
        if given.dtype.kind not in "iu" or given.ndim != 2 or given.shape[1] != 2:
            raise UserError(f"{what} is {given.dtype} {list(given.shape)}; whole numbers [samples, 2] are expected: "
                            "the number of the sample's pair, and whether that is the same, 1 or 0")  # fmt: skip
        pairs, samples = np.unique(given[:, 0], return_counts=True)
        if (samples != 2).any():
            odd = int(np.argmax(samples != 2))
            raise UserError(f"{what} has {samples[odd]} samples of pair {pairs[odd]}; a pair is of two")
        first, second = given[np.argsort(given[:, 0], kind="stable"), 1].reshape(-1, 2).T
        if (first != second).any():
            raise UserError(f"{what} calls pair {pairs[int(np.argmax(first != second))]} both the same and different")
        return np.concatenate([np.zeros((len(given), 1), np.int64), given.astype(np.int64)], axis=1)

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        return super().caption(answer, truth[0])
