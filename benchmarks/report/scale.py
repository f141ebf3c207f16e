"""From values to places on an axis, and the values that are written beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TICKS = 5  # about as many
FEW, MANY = 5, 300  # times the lowest, within which a logarithm has too few round values, or beyond which too many


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A value between `low` and `high` lies between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        low, high, here = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (here - low) / (high - low)


def scale(values: Sequence[float], start: float, end: float, *, log: bool = False, zero: bool = False) -> Scale:
    """Holds all `values`, its ends are ticks. A `log` one is linear where a value is not above zero."""
    log = log and bool(values) and min(values) > 0
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    found = _log_ticks(low, high) if log else _linear_ticks(low, high)
    ticks = tuple((value, _text(value)) for value in found)
    return Scale(low=found[0], high=found[-1], start=start, end=end, log=log, ticks=ticks)


def _text(value: float) -> str:
    return f"{value:,.10g}" if not value or 1e-4 <= abs(value) < 1e6 else f"{value:g}"


def _linear_ticks(low: float, high: float) -> list[float]:
    if low == high:
        low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (0.0, 1.0)
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(nice for nice in (1, 2, 5, 10) if nice * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12 - math.floor(math.log10(step))) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20 ...; only powers of ten where those would be too many, even steps where they would be too few."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    if high / low < FEW and (even := _linear_ticks(low, high))[0] > 0:
        return even
    if high / low > MANY:
        powers = [10.0**power for power in range(first, last, 1 + (last - first) // 8)]
        return [*powers, 10.0**last]
    every = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in (1, 2, 5)]
    below = [value for value in every if value <= low * 1.000001]
    above = [value for value in every if value >= high * 0.999999 and value > below[-1]]
    return [round(value, 15) for value in every if below[-1] <= value <= above[0]]
