"""Exact evaluation at any world size: sums per rank, one reduction, one division."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import nn

from torchferry.errors import UserError
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.distributed.process_group import RankInfo, gathered
from torchferry.training.pictured import PICTURED_MISTAKES, PICTURED_RIGHT, Pictured, merged, spread
from torchferry.training.tasks import Task

PICTURED_POINTS = 1000


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
    confusion: torch.Tensor | None
    """int64 [classes, classes]: row is the true class, column the predicted one."""
    shown: list[int]
    """Indices of mistakes of a classifier worth showing, spread over the true classes."""
    points: torch.Tensor
    """float64 [samples, 2, outputs]: true and predicted values of the first few, for regression."""
    shown_right: list[int] = field(default_factory=list)
    """As `shown`, of samples that were predicted right."""


@torch.no_grad()
def evaluate(
    model: nn.Module,
    feed: EvaluationFeed,
    task: Task,
    outputs: int,
    rank_info: RankInfo,
    after_batch: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Every sample is counted once; every rank gets the whole result. Leaves `model` in training mode.

    `after_batch` is called equally often on every rank.
    """
    sums: torch.Tensor | None = None
    loss = torch.zeros(3, dtype=torch.float64, device=rank_info.device)  # of the samples: sum, count, unreadable ones
    pictured = Pictured()
    points: list[torch.Tensor] = []
    model.eval()
    for batch in feed(rank_info.rank, rank_info.world_size):
        after_batch()
        loss[2] += len(batch.corrupt)
        if not len(batch.indices):
            continue
        given = _not_half(model(batch.inputs))
        found = task.sums(given, batch.targets)
        sums = found if sums is None else sums + found
        loss[0] += task.test_loss(given, batch.targets)
        loss[1] += len(batch.indices)
        predicted = task.predicted(given)
        if predicted.dim() == 1:
            pictured.add(batch.indices, batch.targets, predicted)
        else:
            points.append(torch.stack([batch.targets.double(), predicted.double()], dim=1).cpu())
    model.train()
    if sums is None:  # more ranks than samples
        empty = torch.zeros(0, outputs, device=rank_info.device)
        sums = task.sums(empty, task.blank_targets(0, outputs).to(rank_info.device))
    dist.all_reduce(loss)
    dist.all_reduce(sums)
    total, samples, corrupt = loss.tolist()
    if not samples:
        raise UserError("data.source: no sample of the test set could be read")
    values = {"loss": total / samples, **task.values(sums, int(samples))}
    everyone = gathered(pictured)
    confusion = task.confusion(sums)
    return Evaluation(
        split=feed.split,
        samples=int(samples),
        corrupt=int(corrupt),
        values=values,
        score=values[task.headline],
        confusion=None if confusion is None else confusion.cpu(),
        shown=spread(merged([rank.mistakes for rank in everyone], PICTURED_MISTAKES), PICTURED_MISTAKES),
        shown_right=spread(merged([rank.right for rank in everyone], PICTURED_RIGHT), PICTURED_RIGHT),
        points=torch.cat([torch.empty(0, 2, outputs, dtype=torch.float64), *_first(points)]),
    )


def _not_half(outputs: torch.Tensor) -> torch.Tensor:
    """Values in float64 keep their digits; anything narrower is judged in float32."""
    return outputs if outputs.dtype == torch.float64 else outputs.float()


def _first(points: list[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The first few of every rank's."""
    mine = torch.cat(points)[:PICTURED_POINTS] if points else None
    return (part for part in gathered(mine) if part is not None)
