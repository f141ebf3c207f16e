"""The differences of a variant's floating-point outputs from the checkpoint's, added up over batches."""

from collections.abc import Mapping

import numpy as np

from torchferry.contract.tasks.task import Arrays

Scaling = tuple[np.ndarray, np.ndarray]
"""Mean and standard deviation that an output was scaled back by."""


class FloatDifferences:
    def __init__(self, scaling: Mapping[str, Scaling]) -> None:
        """`scaling` is of each output of floating-point numbers; of others nothing is asked here."""
        self.scaling = scaling
        self.largest = dict.fromkeys(scaling, 0.0)
        """By output; NaN once there was one."""
        self.total, self.count = 0.0, 0
        self.squares = {name: np.zeros(2) for name in scaling}
        """By output the sum of squares of the differences, and of the checkpoint's numbers, before they were scaled
        back."""

    def add(self, answered: Arrays, expected: Arrays) -> None:
        """A batch."""
        for name, scaling in self.scaling.items():
            values, (_, std) = expected[name], scaling
            difference = _difference(answered[name], values)
            largest = difference.max(initial=0.0)
            self.largest[name] = float(np.maximum(self.largest[name], largest))  # max() may drop a NaN
            self.total, self.count = self.total + float(difference.sum()), self.count + difference.size
            before = np.where(np.isfinite(values), from_mean(values, scaling), 0.0)
            self.squares[name] += np.square(difference / std).sum(), np.square(before / std).sum()

    @property
    def mean(self) -> float:
        """Of the differences of all elements."""
        return self.total / max(self.count, 1)

    def relative_errors(self) -> dict[str, float]:
        """By output: the Euclidean norm of all differences over that of the checkpoint's numbers."""
        # 1e-30 for outputs that are all zero.
        return {name: float(np.sqrt(wrong / max(norm, 1e-30))) for name, (wrong, norm) in self.squares.items()}

    def scaled(self, scales: Mapping[str, float]) -> float | None:
        """Of several outputs the largest difference by each one's largest magnitude, so that none is judged by
        another's values."""
        if len(self.largest) < 2:
            return None
        return float(np.max([apart / max(1.0, scales[name]) for name, apart in self.largest.items()]))


def from_mean(values: np.ndarray, scaling: Scaling) -> np.ndarray:
    """A target of 1.7e9 + i differs from the others in its last digits alone, and they are what was learnt."""
    return values.astype(np.float64) - scaling[0]


def _difference(answered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of each element; none where both are the same infinity, with which a network masks a score."""
    with np.errstate(invalid="ignore"):
        return np.where(answered == values, 0.0, np.abs(answered.astype(np.float64) - values))
