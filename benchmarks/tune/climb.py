"""The highest rate that holds, searched for from one that is near it."""

from collections.abc import Callable

Holds = Callable[[float], bool]
WIDENINGS = 6  # the steps double each time: to 1/22 of where it began at a resolution of 5 %


def highest(holds: Holds, first: float, resolution: float) -> float:
    """To `resolution`, a share of it; 0 if the lowest rate that is tried does not hold."""
    return climb(holds, first, resolution) if holds(first) else _descend(holds, first, resolution)


def climb(holds: Holds, good: float, resolution: float) -> float:
    """As `highest`, from a rate that holds."""
    for widening in range(4 * WIDENINGS):
        rate = good * (1 + resolution) ** 2**widening
        if not holds(rate):
            return _between(holds, good, rate, resolution)
        good = rate
    return good


def _descend(holds: Holds, bad: float, resolution: float) -> float:
    for widening in range(WIDENINGS):
        rate = bad / (1 + resolution) ** 2**widening
        if holds(rate):
            return _between(holds, rate, bad, resolution)
        bad = rate
    return 0.0


def _between(holds: Holds, good: float, bad: float, resolution: float) -> float:
    while bad / good > (1 + resolution) * 1.0001:  # the steps are exact powers, but for rounding
        rate = (good * bad) ** 0.5
        good, bad = (rate, bad) if holds(rate) else (good, rate)
    return good
