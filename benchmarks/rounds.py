"""Measure several things in turn, A B C A B C, and compare what was measured in the same round."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

RESAMPLES = 10_000
Result = TypeVar("Result", bound=Mapping[str, float])


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Of two things measured in the same rounds: the median of the rounds' ratios."""

    median: float
    low: float
    """Of a bootstrap interval at 95 %."""
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def alternate(
    measures: Mapping[str, Callable[[Path], Result]], rounds: int, *, title: str, scratch: Path
) -> dict[str, list[Result]]:
    """What each measure gave in each round; a measure gets a folder that is removed after it."""
    results: dict[str, list[Result]] = {name: [] for name in measures}
    for number in range(1, rounds + 1):
        for name, measure in measures.items():
            with TemporaryDirectory(prefix="benchmark-", dir=scratch) as folder:
                # Absolute, because it goes to other processes.
                result = measure(Path(folder).resolve())
            results[name].append(result)
            key, value = next(iter(result.items()))
            print(f"{title}, round {number}/{rounds}: {name} {value:,.6g} {key}", file=sys.stderr, flush=True)
    return results


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    ratios = np.asarray(ours) / np.asarray(theirs)
    picks = np.random.default_rng(0).integers(0, len(ratios), size=(RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(ratios[picks], axis=1), [2.5, 97.5])
    return Ratio(median=float(np.median(ratios)), low=float(low), high=float(high))


def column(results: Sequence[Mapping[str, float]], key: str) -> list[float]:
    return [result[key] for result in results]
