"""Each task's metrics over the same answers: `torchrun -m tests.training.evaluated`; the leader prints them as JSON."""

import json
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.training import tiny
from torchferry.contract.tasks.heads import Heads
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.data.several import SeveralTargets
from torchferry.training.distributed.process_group import RankInfo, process_group, rank_info_of
from torchferry.training.evaluation import evaluate
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask

HEADS: dict[str, Any] = {"kind": {"name": "classification"}, "size": {"name": "regression", "weight": 2.0}}
TASKS = {
    "classification": tiny.task(),
    "binary": tiny.task("binary", 2),
    "regression": tiny.task("regression", 2, mean=(10.0, 0.0), std=(3.0, 1.0)),
    "multilabel": tiny.task("multilabel", 3, thresholds=(0.5, 0.4, 0.6)),
    "embedding": tiny.task("embedding", 4),
    "heads": half_of(Heads(heads=HEADS, labels=("kind: a", "kind: b", "kind: c", "size: cm"))),
}
SAMPLES = 601
"""More than two ranks' batches hold, and no multiple of a number of ranks."""


class Split(nn.Module):
    """Three numbers for the first head, and one for the second."""

    def forward(self, given: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"kind": given[:, :3], "size": given[:, 3:]}


def metrics(rank_info: RankInfo, samples: int = SAMPLES) -> Iterator[tuple[str, dict[str, object]]]:
    for name, task in TASKS.items():
        config, several = DataConfig(source=Component(name="none")), name == "heads"
        feed = EvaluationFeed(drawn(task, samples, several=several), config, task, rank_info.device)
        found = evaluate(Split() if several else nn.Identity(), feed, task, rank_info)
        said = {"values": found.values, "shown": found.shown, "shown_right": found.shown_right}
        yield name, {**said, "sums": {sums: value.tolist() for sums, value in found.sums.items()}}


def drawn(task: TrainingTask, samples: int, *, several: bool = False) -> TensorDataset:
    draw = torch.Generator().manual_seed(0)
    given = torch.randn(samples, 4 if several else task.loss_width, generator=draw)
    targets = task.varied_targets(samples, draw)
    return SeveralTargets(given, targets) if several else TensorDataset(given, targets)


if __name__ == "__main__":
    rank_info = rank_info_of(os.environ)
    with process_group(rank_info):
        found = dict(metrics(rank_info))
        if rank_info.leads:
            print(json.dumps(found))
