"""Faster, slower or no difference: a verdict on pairs of values measured under the same conditions.

The ratio of each pair, their median, and a percentile bootstrap over the pairs (B. Efron, R. Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from torchferry.benchmarks.interval import Interval, resampled_medians
from torchferry.benchmarks.record import Figure

LEAST = 5  # pairs; fewer all lie on one side of 1 too often by chance


@dataclass(frozen=True, kw_only=True)
class Verdict:
    says: str
    """faster, slower, no difference, or too few."""
    pairs: int
    ratio: Interval | None
    """New over old; the interval is at the confidence that was asked for. None with too few pairs."""
    confidence: float
    """Share of the resamples on the median's side of 1."""
    worse_by: float
    """By how much the new one is worse, as a share of the old; below 0 where it is better."""


def judge(old: Mapping[str, Figure], new: Mapping[str, Figure], confidence: float) -> dict[str, Verdict]:
    """A verdict for each figure that both have. `confidence` holds for all of them together (Bonferroni)."""
    common = [name for name in old if name in new]
    outside = (1 - confidence) / max(1, len(common))
    return {name: _verdict(old[name].values, new[name].values, old[name].better, outside) for name in common}


def _verdict(old: Sequence[float], new: Sequence[float], better: str, outside: float) -> Verdict:
    pairs = min(len(old), len(new))
    before, after = np.asarray(old[:pairs]), np.asarray(new[:pairs])
    usable = before > 0
    ratios = after[usable] / before[usable]
    if len(ratios) < LEAST:
        return Verdict(says="too few", pairs=len(ratios), ratio=None, confidence=0.0, worse_by=0.0)
    medians = resampled_medians(ratios)
    low, high = np.percentile(medians, [50 * outside, 100 - 50 * outside])
    ratio = Interval(median=float(np.median(ratios)), low=float(low), high=float(high))
    worse_by = ratio.median - 1 if better == "lower" else 1 - ratio.median
    says = "slower" if worse_by > 0 else "faster"
    if ratio.low <= 1 <= ratio.high:
        says = "no difference"
    side = medians > 1 if ratio.median > 1 else medians < 1
    return Verdict(says=says, pairs=len(ratios), ratio=ratio, confidence=float(side.mean()), worse_by=worse_by)
