"""Sessions measured in turn, so that what else the machine does meets all of them alike."""

import math
import time
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from torchferry.serving.bundle.choice import Gain
from torchferry.serving.session import Session

ROUNDS, LEAST, SECONDS = 15, 6, 4.0
"""As many rounds as that, fewer if they take longer; of fewer than six no interval at 95 % can be said."""
CALLS, BLOCK_SECONDS, MOST_SECONDS = 3, 0.004, 0.2
"""A session's turn is so many calls or more, until so long has passed; calls that take longer than the last are made
once."""
UNSURE = 0.025
"""Chance that the median lies below its interval, and the same above."""


def alternated(sessions: Mapping[str, Session], inputs: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Milliseconds that a call of each takes, one number of each round, by the sessions' names."""
    found: dict[str, list[float]] = {name: [] for name in sessions}
    end = time.perf_counter() + SECONDS
    for number in range(ROUNDS):
        if number >= LEAST and time.perf_counter() >= end:
            break
        for name in list(sessions)[:: -1 if number % 2 else 1]:  # none always comes first
            found[name].append(_call_ms(sessions[name], inputs))
    return found


def gain(ours: Sequence[float], theirs: Sequence[float]) -> Gain:
    """How much quicker ours is, of milliseconds that were measured in the same rounds."""
    ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
    low, high = median_interval(ratios)
    saved = median(their - our for our, their in zip(ours, theirs, strict=True))
    return Gain(
        ratio=round(median(ratios), 4),
        low=round(low, 4),
        high=round(high, 4),
        saved_ms=round(saved, 4),
        rounds=len(ratios),
    )


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which two of at least six values the median lies, with 95 % or more, whatever they are distributed like.

    They are the k-th smallest and the k-th largest: the median is below the former if fewer than k values are, with
    the chance that fewer than k of n coins show heads (David and Nagaraja, Order Statistics, 7.1).
    """
    ordered, size, k, below = sorted(values), len(values), 0, 0.0
    while (below := below + math.comb(size, k) / 2**size) <= UNSURE:
        k += 1
    return ordered[max(k, 1) - 1], ordered[-max(k, 1)]


def _call_ms(session: Session, inputs: Mapping[str, np.ndarray]) -> float:
    """The median of a few calls. The first does not count: the threads of the session before still spin then."""
    session.run(inputs)
    times: list[float] = []
    while sum(times) < (BLOCK_SECONDS if len(times) >= CALLS else MOST_SECONDS):
        started = time.perf_counter()
        session.run(inputs)
        times.append(time.perf_counter() - started)
    return 1000 * median(times)
