"""Scores a variant's answers in the task's own metrics, beside the checkpoint's."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.contract.tasks.task import Arrays, Sums, Task

DRAWS = 400
"""Sets of samples drawn from those there are, with replacement, for an interval."""
WITHIN = (2.5, 97.5)
"""Percentiles."""
AT_ONCE = 1 << 22
"""Numbers of how often a sample is drawn, in memory at a time."""


@dataclass(frozen=True)
class Score:
    rows: Arrays
    """What the task's score has to know of all samples together."""
    metrics: dict[str, float]


class Judged:
    """Answers to one batch after another, of which no more is held than the score has to know of each sample."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.batches: list[Arrays] = []
        self.sums: Sums = {}

    def add(self, outputs: Arrays, targets: Any) -> None:
        if targets is None or not self.task.headline:
            return
        rows = self.task.rows(outputs, targets)
        if self.task.adds_up:
            found = self.task.sums(rows)
            self.sums = {name: self.sums[name] + found[name] for name in found} if self.sums else found
            rows = self.task.kept(rows)
        self.batches.append(rows)

    def score(self) -> Score | None:
        """None without targets."""
        if not self.batches:
            return None
        rows = {name: np.concatenate([each[name] for each in self.batches]) for name in self.batches[0]}
        if self.task.adds_up:
            return Score(rows, self.task.values(self.sums))
        whole = self.task.together(rows)
        return Score(self.task.kept(whole), self.task.measure(whole))


class Mean:
    """Of values that come in batches; None where none came."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, values: np.ndarray | None) -> None:
        if values is not None:
            self.total, self.count = self.total + float(values.sum()), self.count + len(values)

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


def compared(task: Task, expected: Score | None, answered: Score | None) -> dict[str, Any]:
    """Those fields of Measured that are in points of the task's headline. Where the checkpoint's score is NaN, as an r2
    of targets that are all the same is, nothing can drop."""
    if expected is None or answered is None:
        return {"score": None, "score_drop": None}
    whole, score = task.score(expected.rows), task.score(answered.rows)
    known = not np.isnan(whole)
    return {
        "metric": task.headline,
        "score": None if np.isnan(score) else score,
        # Rounded, or the difference of two shares may be above a limit that it is equal to.
        "score_drop": round(whole - score, 12) if known else None,
        "score_drop_interval": _interval(task, expected.rows, answered.rows) if known else None,
        "metrics": answered.metrics,
    }


def _interval(task: Task, expected: Arrays, answered: Arrays) -> tuple[float, float] | None:
    """Of the drop. Both are judged on the same samples each time: what is hard for one is so for the other. None where
    it is known for no set of samples."""
    samples, random = len(next(iter(expected.values()))), np.random.default_rng(0)
    drops = np.empty(DRAWS)
    step = max(1, AT_ONCE // max(samples, 1))
    for start in range(0, DRAWS, step):
        draws = range(start, min(start + step, DRAWS))
        drawn = [np.bincount(random.integers(samples, size=samples), minlength=samples) for _ in draws]
        times = np.stack(drawn)
        drops[start : draws.stop] = task.scores(expected, times) - task.scores(answered, times)
    if np.isnan(drops).all():
        return None
    low, high = np.nanpercentile(drops, WITHIN)
    return round(float(low), 12), round(float(high), 12)
