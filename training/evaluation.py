"""Exact evaluation at any world size: sums per rank, one reduction, one division."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from torchferry.errors import UserError
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.tasks import Task

PICTURED_MISTAKES = 16
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
    """Indices of samples worth showing: the first mistakes of a classifier."""
    points: torch.Tensor
    """float64 [samples, 2, outputs]: true and predicted values of the first few, for regression."""


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
    mistakes: list[torch.Tensor] = []
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
            mistakes.append(batch.indices[(predicted != batch.targets).cpu()])
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
    wrong = sorted(index for found in _gathered(mistakes, PICTURED_MISTAKES) for index in found.tolist())
    confusion = task.confusion(sums)
    return Evaluation(
        split=feed.split,
        samples=int(samples),
        corrupt=int(corrupt),
        values=values,
        score=values[task.headline],
        confusion=None if confusion is None else confusion.cpu(),
        shown=wrong[:PICTURED_MISTAKES],
        points=torch.cat([torch.empty(0, 2, outputs, dtype=torch.float64), *_gathered(points, PICTURED_POINTS)]),
    )


def _not_half(outputs: torch.Tensor) -> torch.Tensor:
    """Values in float64 keep their digits; anything narrower is judged in float32."""
    return outputs if outputs.dtype == torch.float64 else outputs.float()


def _gathered(found: list[torch.Tensor], most: int) -> Iterator[torch.Tensor]:
    """The first few of every rank's."""
    mine = torch.cat(found)[:most] if found else None
    everyone: list[torch.Tensor | None] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, mine)
    return (part for part in everyone if part is not None)
