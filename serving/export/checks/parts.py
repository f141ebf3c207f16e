"""The tasks that a task is made of, such as heads: each is measured by itself, so that none hides behind the others."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from torchferry.contract.tasks.task import Arrays, Task
from torchferry.serving.bundle.variant import MeasuredPart
from torchferry.serving.export.checks.score import Mean, Score


class Parts:
    """Of a variant's answers, batch after batch."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.agreements = {part: Mean() for part in task.parts}

    def add(self, answered: Arrays, expected: Arrays) -> None:
        for part, own in self.task.parts.items():
            both = self.task.of_part(part, answered), self.task.of_part(part, expected)
            self.agreements[part].add(own.agreement(*both))

    def measured(
        self, expected: Score | None, answered: Score | None, errors: Mapping[str, float]
    ) -> dict[str, MeasuredPart]:
        """`errors`: the relative error of each output."""
        return {
            part: MeasuredPart(
                agreement=self.agreements[part].value,
                relative_error=float(np.max([errors[name] for name in names if name in errors], initial=0.0)),
                **_scores(self.task, part, expected, answered),
            )
            for part in self.task.parts
            for names in [self.task.names_of(part)]
        }


def _scores(task: Task, part: str, expected: Score | None, answered: Score | None) -> dict[str, Any]:
    if expected is None or answered is None:
        return {"metric": None, "score": None, "score_drop": None}
    own = task.parts[part]
    whole, score = (own.score(task.rows_of_part(part, each.rows)) for each in (expected, answered))
    return {
        "metric": own.headline,
        "score": None if np.isnan(score) else score,
        "score_drop": None if np.isnan(whole) else round(whole - score, 12),
    }


def scaling(task: Task, output: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation that the graph scaled the output back by."""
    own = next((part for name, part in task.parts.items() if output in task.names_of(name)), task)
    mean, std = own.scale
    return np.array(mean), np.array(std)
