"""The measured time in parts, so that what changes within it is seen."""

from dataclasses import dataclass

import numpy as np

from torchferry.benchmarks.load.generator import Load


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of the measured time; requests belong to the one in which they were due."""

    start: float
    """Seconds from the end of the warm-up."""
    seconds: float
    requests: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None


def windows(load: Load, warmup: float) -> list[Window]:
    """At least a second each, and at most 60 of them."""
    counted = load.intended >= warmup
    due, latency = load.intended[counted] - warmup, load.latency[counted]
    if not len(due):
        return []
    count = min(60, max(1, round(due.max())))
    # A little beyond the last request, which would else fall behind the last window.
    edges = np.linspace(0, np.nextafter(due.max(), np.inf), count + 1)
    places = np.searchsorted(edges, due, side="right") - 1
    return [_window(float(edges[index]), float(edges[1]), latency[places == index]) for index in range(count)]


def _window(start: float, seconds: float, latency: np.ndarray) -> Window:
    good = latency[~np.isnan(latency)] * 1000
    p50, p99 = np.percentile(good, [50, 99]).tolist() if len(good) else (None, None)
    return Window(
        start=start, seconds=seconds, requests=len(latency), errors=len(latency) - len(good), p50_ms=p50, p99_ms=p99
    )
