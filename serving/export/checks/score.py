"""What a variant's answers are worth, in the task's own metrics, beside the checkpoint's."""

from typing import Any

import numpy as np

from torchferry.contract.tasks.task import Arrays, Task

DRAWS = 400
"""Sets of samples drawn from those there are, with replacement, for an interval."""
WITHIN = (2.5, 97.5)
"""Percentiles."""


class Judged:
    """Collects what the task has to know of each sample, batch after batch."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.batches: list[Arrays] = []

    def add(self, outputs: Arrays, targets: Any) -> None:
        if targets is not None and self.task.headline:
            self.batches.append(self.task.rows(outputs, targets))

    def rows(self) -> Arrays | None:
        """Of all samples together; None without targets."""
        if not self.batches:
            return None
        names = self.batches[0]
        return self.task.together({name: np.concatenate([each[name] for each in self.batches]) for name in names})


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


def score_of(task: Task, expected: Arrays | None, answered: Arrays | None) -> dict[str, Any]:
    """Those fields of Measured that are in points of the task's headline."""
    if expected is None or answered is None:
        return {"score": None, "score_drop": None}
    metrics, whole = task.measure(answered), task.score(expected)
    score = task.score(answered)
    return {
        "metric": task.headline,
        "score": score,
        # Rounded, or the difference of two shares may be above a limit that it is equal to.
        "score_drop": None if np.isnan(whole) else round(whole - score, 12),
        "score_drop_interval": None if np.isnan(whole) else _interval(task, expected, answered),
        "metrics": metrics,
    }


def _interval(task: Task, expected: Arrays, answered: Arrays) -> tuple[float, float]:
    """Of the drop. Both are judged on the same samples each time: what is hard for one is so for the other."""
    samples, random = len(next(iter(expected.values()))), np.random.default_rng(0)
    drops = []
    for _ in range(DRAWS):
        times = np.bincount(random.integers(samples, size=samples), minlength=samples)
        drops.append(task.score(expected, times) - task.score(answered, times))
    low, high = np.nanpercentile(drops, WITHIN)
    return round(float(low), 12), round(float(high), 12)
