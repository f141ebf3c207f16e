"""Several tasks at once, each with outputs and targets of its own under its head's name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from torchferry.contract.tasks.ranking import as_object
from torchferry.contract.tasks.task import Arrays, Sums, Task
from torchferry.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
KEY = "heads"
"""Where a message says that a head stands; who makes the task says where that is."""
SCORE = "score"
TAKEN = (
    *(SCORE, "image", "row", "input"),
    *("model", "notes", "predictions", "source", "error"),
    *("label", "labels", "probability", "probabilities", "values", "shares", "outputs"),
)
"""Names that mean something else: a metric of the whole, inputs, members of an answer and of what tasks say."""
WEIGHT = "weight"


@dataclass(frozen=True, kw_only=True)
class Heads(Task):
    """A network with several answers to a sample. Labels are "head: label" for each head after the other; targets are
    by head.

    Args:
        heads: By a head's name its task's `name`, its `weight` (of its loss, and of its headline in the score; 1 if it
            is not said) and the task's settings.
    """

    heads: dict[str, Any]

    training = "torchferry.training.tasks.heads.Heads"
    headline = SCORE

    def __post_init__(self) -> None:
        if not isinstance(self.heads, Mapping) or not self.heads:
            raise UserError(f"{KEY}: {self.heads!r} has no head; give {{name of a head: {{name: a task}}}}")
        for head, said in self.heads.items():
            _check_head(head, said)
        if not any(self.weights.values()):
            raise UserError(f"{KEY}: all weights are 0, so nothing would be learned")
        for head, task in self.tasks.items():
            if not task.headline or isinstance(task, Heads):
                raise UserError(f"{KEY}.{head}.name: {self.heads[head]['name']} cannot be a head's")

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """By head."""
        from torchferry.contract.tasks.find import kind_of, made  # which know this task too

        found = {}
        for head, said in self.heads.items():
            settings = {name: value for name, value in said.items() if name not in ("name", WEIGHT)}
            if "." in said["name"]:  # a bundle would have to bring its file, and says only names of ours
                raise UserError(f"{KEY}.{head}.name: {said['name']} cannot be a head's, which are tasks by name")
            kind = kind_of(said["name"], f"{KEY}.{head}.name")
            found[head] = made(kind, settings, labels_of(head, self.labels), f"{KEY}.{head}")
        return found

    @cached_property
    def weights(self) -> dict[str, float]:
        """By head."""
        return {head: float(said.get(WEIGHT, 1.0)) for head, said in self.heads.items()}

    @property
    def adds_up(self) -> bool:
        return all(task.adds_up for task in self.tasks.values())

    @property
    def unsettled(self) -> str | None:
        return next((f"heads.{head}.{name}" for head, task in self.tasks.items() if (name := task.unsettled)), None)

    def settled(self, rows: Arrays) -> Self:
        each = {head: task.settled(_of(head, rows)) for head, task in self.tasks.items()}
        return replace(self, heads={head: {**said, **each[head].settings} for head, said in self.heads.items()})

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(name for head in self.tasks for name in self.names_of(head))

    @property
    def labels_by_output(self) -> Mapping[str, tuple[str, ...]]:
        found = {head: task for head, task in self.tasks.items() if task.labels and task.scores_labels}
        return {name: task.labels for head, task in found.items() for name in self.names_of(head)}

    @property
    def places(self) -> tuple[str, ...]:
        own = ((head, task.places) for head, task in self.tasks.items())
        return tuple(said for head, places in own for said, name in self.names_of(head).items() if name in places)

    @property
    def masks(self) -> Mapping[str, int]:
        own = ((head, task.masks) for head, task in self.tasks.items())
        return {said: masks[name] for head, masks in own for said, name in self.names_of(head).items() if name in masks}

    @property
    def parts(self) -> Mapping[str, Task]:
        return self.tasks

    def names_of(self, part: str) -> dict[str, str]:
        own = self.tasks[part].outputs
        return {part: own[0]} if len(own) == 1 else {f"{part}.{name}": name for name in own}

    @property
    def told(self) -> tuple[str, ...]:
        return (SCORE, *(f"{head}.{task.headline}" for head, task in self.tasks.items()))

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:
        """{head: what its task says}."""
        return {head: task.words(self.of_part(head, sample), top_k) for head, task in self.tasks.items()}

    def schema(self) -> dict[str, Any]:
        return {head: as_object(task.schema()) for head, task in self.tasks.items()}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        found: dict[str, np.ndarray] = {}
        for head, task in self.tasks.items():
            said = task.read(words[head])
            found |= {name: said[own] for name, own in self.names_of(head).items() if own in said}
        return found

    @property
    def related(self) -> tuple[str, ...]:
        return tuple(f"{head}.{name}" for head, task in self.tasks.items() for name in task.related)

    def relations(self, outputs: Arrays) -> Arrays:
        """Each head's, as "head.similarity"."""
        having = {head: task for head, task in self.tasks.items() if task.related}
        return self._named({head: task.relations(self.of_part(head, outputs)) for head, task in having.items()})

    @property
    def counted(self) -> tuple[str, ...]:
        return tuple(f"{head}: {label}" for head, task in self.tasks.items() for label in task.counted)

    def counts(self, outputs: Arrays) -> np.ndarray:
        return _joined(task.counts(self.of_part(head, outputs)) for head, task in self.tasks.items())

    def counts_of(self, targets: Any) -> np.ndarray:
        return _joined(task.counts_of(targets[head]) for head, task in self.tasks.items())

    def rows(self, outputs: Arrays, targets: Any) -> Arrays:
        return self._named({h: t.rows(self.of_part(h, outputs), targets[h]) for h, t in self.tasks.items()})

    def together(self, rows: Arrays) -> Arrays:
        return self._named({head: task.together(_of(head, rows)) for head, task in self.tasks.items()})

    def kept(self, rows: Arrays) -> Arrays:
        return self._named({head: task.kept(_of(head, rows)) for head, task in self.tasks.items()})

    def sums(self, rows: Arrays) -> Sums:
        return self._named({head: task.sums(_of(head, rows)) for head, task in self.tasks.items()})

    def values(self, sums: Sums) -> dict[str, float]:
        """Each head's own, and `score`, the mean of their headlines by the heads' weights."""
        return self._with_score({head: task.values(_of(head, sums)) for head, task in self.tasks.items()})

    def measure(self, rows: Arrays) -> dict[str, float]:
        return self._with_score({head: task.measure(_of(head, rows)) for head, task in self.tasks.items()})

    def scores(self, rows: Arrays, times: np.ndarray) -> np.ndarray:
        return np.asarray(self._mean({h: task.scores(_of(h, rows), times) for h, task in self.tasks.items()}))

    def rows_of_part(self, part: str, rows: Arrays) -> Arrays:
        return _of(part, rows)

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray] | None:
        """A mistake of any head, by the classes of the first one that knows some."""
        found = [each for head, task in self.tasks.items() if (each := task.mistakes(_of(head, rows)))]
        return (found[0][0], np.any([wrong for _, wrong in found], axis=0)) if found else None

    def aligned(self, answered: Arrays, expected: Arrays) -> Arrays:
        """Each head's as its task has it."""
        moved: dict[str, np.ndarray] = {}
        for head, task in self.tasks.items():
            own = task.aligned(self.of_part(head, answered), self.of_part(head, expected))
            moved |= {said: own[name] for said, name in self.names_of(head).items()}
        return moved

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray | None:
        """The mean of the heads whose answers mean more than their numbers."""
        found = [
            each
            for head, task in self.tasks.items()
            if (each := task.agreement(self.of_part(head, answered), self.of_part(head, expected))) is not None
        ]
        return np.mean(found, axis=0) if found else None

    def limits(self, rounding: str) -> Mapping[str, float]:  # noqa: ARG002
        """None: each head has its own."""
        return {}

    def _named(self, by_head: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {f"{head}.{name}": value for head, found in by_head.items() for name, value in found.items()}

    def _with_score(self, by_head: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        score = self._mean({head: by_head[head][task.headline] for head, task in self.tasks.items()})
        named = {f"{head}.{name}": value for head, found in by_head.items() for name, value in found.items()}
        return {SCORE: score, **named}

    def _mean(self, headlines: Mapping[str, Any]) -> Any:
        """Of numbers, or of arrays of one shape."""
        weighed = [(value * weight, weight) for head, value in headlines.items() if (weight := self.weights[head])]
        return sum(value for value, _ in weighed) / sum(weight for _, weight in weighed)


def labels_of(head: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The head's own of all heads' labels."""
    return tuple(label.removeprefix(f"{head}: ") for label in labels if label.startswith(f"{head}: "))


def _of(head: str, named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `_named` has made of the head's. A head's name has no dot."""
    return {name.partition(".")[2]: value for name, value in named.items() if name.partition(".")[0] == head}


def _joined(counts: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *counts])


def _check_head(head: Any, said: Any) -> None:
    if not isinstance(head, str) or not NAME.fullmatch(head) or head in TAKEN:
        others = ", ".join(TAKEN)
        raise UserError(f"{KEY}: '{head}' cannot name a head; letters, digits, '_' and '-' can, but not {others}")
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        raise UserError(f"{KEY}.{head}: {said!r} names no task; give {{name: classification}} or another")
    weight = said.get(WEIGHT, 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
        raise UserError(f"{KEY}.{head}.{WEIGHT}: {weight!r} is no weight; give a number of 0 or more")
