"""Each task's metrics over the same answers: `torchrun -m tests.training.evaluated`; the leader prints them as JSON."""

import json
import os
from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.training import tiny
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.distributed.process_group import RankInfo, process_group, rank_info_of
from torchferry.training.evaluation import evaluate
from torchferry.training.tasks.task import TrainingTask

TASKS = {
    "classification": tiny.task(),
    "binary": tiny.task("binary", 2),
    "regression": tiny.task("regression", 2, mean=(10.0, 0.0), std=(3.0, 1.0)),
    "multilabel": tiny.task("multilabel", 3, thresholds=(0.5, 0.4, 0.6)),
}
SAMPLES = 601
"""More than two ranks' batches hold, and no multiple of a number of ranks."""


def metrics(rank_info: RankInfo, samples: int = SAMPLES) -> Iterator[tuple[str, dict[str, object]]]:
    for name, task in TASKS.items():
        given, targets = drawn(task, samples)
        config = DataConfig(source=Component(name="none"))
        feed = EvaluationFeed(TensorDataset(given, targets), config, task, rank_info.device)
        found = evaluate(nn.Identity(), feed, task, rank_info)
        said = {"values": found.values, "shown": found.shown, "shown_right": found.shown_right}
        yield name, {**said, "sums": {sums: value.tolist() for sums, value in found.sums.items()}}


def drawn(task: TrainingTask, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(samples, task.loss_width, generator=draw), task.varied_targets(samples, draw)


if __name__ == "__main__":
    rank_info = rank_info_of(os.environ)
    with process_group(rank_info):
        found = dict(metrics(rank_info))
        if rank_info.leads:
            print(json.dumps(found))
