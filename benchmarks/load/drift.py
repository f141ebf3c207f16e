"""The drift of a figure over time: the median of the slopes between all pairs of points, by Theil and Sen.

P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968), with his interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 8
Z = 1.96  # of a normal distribution, for 95 %


@dataclass(frozen=True, kw_only=True)
class Drift:
    first: float
    """Median of the first tenth."""
    last: float
    """Median of the last tenth."""
    per_hour: float
    low: float
    """Of an interval at 95 %."""
    high: float

    @property
    def significant(self) -> bool:
        return not self.low <= 0 <= self.high


def drift(minutes: Sequence[float], values: Sequence[float]) -> Drift | None:
    """None for fewer than eight points, from which nothing can be said."""
    count = len(values)
    if count < LEAST:
        return None
    times, found = np.asarray(minutes) / 60, np.asarray(values)
    earlier, later = np.triu_indices(count, 1)
    slopes = np.sort((found[later] - found[earlier]) / (times[later] - times[earlier]))
    # Sen's equation 2.6: how many slopes below the median one the interval reaches.
    spread = Z * np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low, high = (len(slopes) - spread) / 2, (len(slopes) + spread) / 2
    tenth = max(1, count // 10)
    return Drift(
        first=float(np.median(found[:tenth])),
        last=float(np.median(found[-tenth:])),
        per_hour=float(np.median(slopes)),
        low=float(slopes[max(0, int(low))]),
        high=float(slopes[min(len(slopes) - 1, int(high))]),
    )


def told(found: Drift | None, unit: str) -> str:
    """For a terminal."""
    if found is None:
        return "too few points for a drift"
    says = "drifts" if found.significant else "no drift"
    slope = f"{found.per_hour:+.3g} {unit} an hour [{found.low:+.3g}, {found.high:+.3g}]"
    return f"{found.first:.4g} to {found.last:.4g} {unit}, {says}: {slope}"
