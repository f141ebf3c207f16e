"""The median of a few measurements and how sure it is, by the bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True)
class Interval:
    median: float
    low: float
    """Of a bootstrap interval of the median at 95 %."""
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def median_interval(values: Sequence[float]) -> Interval:
    low, high = np.percentile(resampled_medians(values), [2.5, 97.5])
    return Interval(median=float(np.median(values)), low=float(low), high=float(high))


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """Of the ratios of what was measured in the same round."""
    return median_interval(np.asarray(ours) / np.asarray(theirs))


def resampled_medians(values: Sequence[float]) -> np.ndarray:
    """The medians of samples drawn from `values` with replacement, float64 [10000]; the same in every run."""
    given = np.asarray(values)
    picks = np.random.default_rng(0).integers(0, len(given), size=(RESAMPLES, len(given)))
    return np.median(given[picks], axis=1)
