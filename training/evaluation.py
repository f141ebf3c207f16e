"""Exact evaluation at any world size: sums per rank, one reduction, one division."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.utils import _pytree as pytree

from torchferry.contract.tasks.task import Arrays, Sums, Task
from torchferry.errors import UserError
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.distributed.process_group import RankInfo, gathered
from torchferry.training.pictured import PICTURED_MISTAKES, PICTURED_RIGHT, Pictured, merged, spread
from torchferry.training.tasks.task import Raw, TrainingTask, as_numpy

PICTURED_POINTS = 1000
"""Of each rank's samples."""
HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Judged:
    """What a model that answers gives, instead of a network's raw outputs."""

    raw: Raw | None
    """None where nobody knows them; then there is no loss."""
    answers: dict[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    split: str
    """test, or validation for a part of the training samples that is held apart."""
    samples: int
    corrupt: int
    """Samples that could not be read and are not counted."""
    values: dict[str, float]
    """`loss` (mean over the samples, as the task says) and the task's own numbers."""
    score: float
    """The task's headline; higher is better."""
    told: tuple[str, ...] = ()
    """Of `values` those that a line about it names."""
    sums: Sums = field(default_factory=dict)
    """Of the task, over all samples, where it has any."""
    shown: list[int]
    """Indices of mistakes worth showing, spread over the true classes where there are some."""
    points: tuple[np.ndarray, np.ndarray] | None = None
    """True and predicted values of the first few samples, float64 [samples, outputs] each, where the task has them."""
    shown_right: list[int] = field(default_factory=list)
    """As `shown`, of samples that were predicted right."""


@torch.no_grad()
def evaluate(
    model: nn.Module,
    feed: EvaluationFeed,
    task: TrainingTask,
    rank_info: RankInfo,
    after_batch: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Every sample is counted once; every rank gets the whole result. Leaves `model` in training mode.

    `after_batch` is called equally often on every rank.
    """
    loss = torch.zeros(3, dtype=torch.float64, device=rank_info.device)  # of the samples: sum, count, unreadable ones
    counted, pictured = _Counted(task.task), Pictured()
    has_loss = True
    model.eval()
    for batch in feed(rank_info.rank, rank_info.world_size):
        after_batch()
        loss[2] += len(batch.corrupt)
        if not len(batch.indices):
            continue
        judged = judged_of(model(batch.inputs), task)
        has_loss = has_loss and judged.raw is not None
        if judged.raw is not None:
            loss[0] += task.test_loss(judged.raw, batch.targets)
        loss[1] += len(batch.indices)
        answers, targets = as_numpy(judged.answers), as_numpy(batch.targets)
        rows, indices = task.task.rows(answers, targets), batch.indices.numpy()
        counted.add(rows, indices)
        if mistakes := task.task.mistakes(rows):
            pictured.add(indices, *mistakes)
    model.train()
    dist.all_reduce(loss)
    total, samples, corrupt = loss.tolist()
    if not samples:
        raise UserError("data.source: no sample of the test set could be read")
    metrics, sums = counted.metrics(rank_info.device)
    values = ({"loss": total / samples} if has_loss else {}) | metrics
    everyone = gathered(pictured)
    return Evaluation(
        split=feed.split,
        samples=int(samples),
        corrupt=int(corrupt),
        values=values,
        score=values[task.task.headline],
        told=task.task.told,
        sums=sums,
        shown=spread(merged([rank.mistakes for rank in everyone], PICTURED_MISTAKES), PICTURED_MISTAKES),
        shown_right=spread(merged([rank.right for rank in everyone], PICTURED_RIGHT), PICTURED_RIGHT),
        points=counted.points(),
    )


@torch.no_grad()
def rows_of(
    model: nn.Module,
    feed: EvaluationFeed,
    task: TrainingTask,
    rank_info: RankInfo,
    after_batch: Callable[[], None] = lambda: None,
) -> Arrays:
    """What the task has to know of each sample, in the order of the samples, on every rank."""
    counted = _Counted(task.task)
    model.eval()
    for batch in feed(rank_info.rank, rank_info.world_size):
        after_batch()
        if len(batch.indices):
            answers = as_numpy(judged_of(model(batch.inputs), task).answers)
            counted.keep(task.task.rows(answers, as_numpy(batch.targets)), batch.indices.numpy())
    model.train()
    return counted.everyones()


class _Counted:
    """What a task has to know of the samples of this rank: their sums, or where those do not do, their rows."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.sums: Sums | None = None
        self.rows: list[Arrays] = []
        self.indices: list[np.ndarray] = []
        self.first: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, rows: Arrays, indices: np.ndarray) -> None:
        missing = PICTURED_POINTS - sum(len(true) for true, _ in self.first)
        if missing > 0 and (points := self.task.points(rows)):
            true, predicted = (each[:missing].copy() for each in points)
            self.first.append((true, predicted))
        if not self.task.adds_up:
            self.keep(rows, indices)
            return
        found = self.task.sums(rows)
        self.sums = found if self.sums is None else {name: self.sums[name] + value for name, value in found.items()}

    def keep(self, rows: Arrays, indices: np.ndarray) -> None:
        self.rows.append(rows)
        self.indices.append(indices)

    def metrics(self, device: torch.device) -> tuple[dict[str, float], Sums]:
        """Of all ranks' samples, the same on each."""
        if not self.task.adds_up:
            return self.task.measure(self.task.together(self.everyones())), {}
        mine = {name: value.shape for name, value in (self.sums or {}).items()}
        shapes = next(each for each in gathered(mine) if each)  # a rank without samples does not know them
        sums = self.sums or {name: np.zeros(shape) for name, shape in shapes.items()}
        reduced: Sums = {}
        for name in shapes:
            value = torch.from_numpy(np.array(sums[name], dtype=np.float64)).to(device)
            dist.all_reduce(value)
            reduced[name] = value.cpu().numpy()
        return self.task.values(reduced), reduced

    def points(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The first few of every rank's."""
        mine = [np.concatenate(each) for each in zip(*self.first, strict=True)]
        everyones = [each for each in gathered(mine) if each]
        if not everyones:
            return None
        true, predicted = (np.concatenate(each) for each in zip(*everyones, strict=True))
        return true, predicted

    def everyones(self) -> Arrays:
        """In the order of the samples, at any number of ranks."""
        parts = [part for rank in gathered(list(zip(self.indices, self.rows, strict=True))) for part in rank]
        order = np.argsort(np.concatenate([indices for indices, _ in parts]), kind="stable")
        return {name: np.concatenate([rows[name] for _, rows in parts])[order] for name in parts[0][1]}


def judged_of(given: Any, task: TrainingTask) -> Judged:
    """What a model gives for a batch, with the answers that the task makes of it."""
    if isinstance(given, Judged):
        return given
    raw = not_half(given)
    return Judged(raw, task.answers(raw))


def not_half(outputs: Raw) -> Raw:
    """Values in float64 keep their digits; anything narrower is judged in float32."""
    return pytree.tree_map(lambda value: value.float() if value.dtype in HALVES else value, outputs)
