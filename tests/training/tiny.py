"""A run so small that its parts are built, and take a step, in milliseconds: a linear network over three numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.contract.tasks.find import kind_of, made
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig, OptimizerConfig, Recipe
from torchferry.training.data.ragged import Ragged
from torchferry.training.data.source import Source, TensorInput, TextInput
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask
from torchferry.training.trainer.build import Run, build_run

ALONE = RankInfo(rank=0, world_size=1, device=torch.device("cpu"), local_rank=0, one_node=True)
"""The only rank."""
NETWORKS = {
    "corners": Component(name="torch.nn.Linear", args={"in_features": 3, "out_features": 3}),
    "sums": Component(name="torch.nn.Linear", args={"in_features": 3, "out_features": 1}),
    "texts": Component(name="embedding_bag", args={"rows": 9, "classes": 2, "width": 4}),
}


def task(name: str = "classification", labels: int = 3, **settings: Any) -> TrainingTask:
    """With labels that are numbers."""
    return half_of(made(kind_of(name), settings, tuple(map(str, range(labels)))))


def corners(train: int = 8, test: int = 6) -> Source:
    """Points that belong to the greatest of their coordinates."""
    sets = [TensorDataset(torch.eye(3)[classes], classes) for classes in (torch.arange(n) % 3 for n in (train, test))]
    return Source(train=sets[0], test=sets[1], labels=("x", "y", "z"), input=TensorInput(shape=(3,)))


def sums() -> Source:
    """Points and the sum of their coordinates."""
    points = torch.rand(8, 3, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(points, points.sum(dim=1, keepdim=True))
    return Source(train=data, test=data, labels=("sum",), input=TensorInput(shape=(3,)), targets="values")


def texts(train: int = 40, test: int = 7) -> Source:
    """Rows of 1 to 9 ids that say which half of the ids they are of; the pad is 0."""
    random = np.random.default_rng(0)
    classes = [torch.arange(count) % 2 for count in (train, test)]
    sets = [
        Ragged([random.integers(1, 5, random.integers(1, 10)) + 4 * int(c) for c in each], each) for each in classes
    ]
    input = TextInput(tokenizer="{}", pad=0, rows=9, most=12, truncate=True)
    return Source(train=sets[0], test=sets[1], labels=("low", "high"), input=input)


def recipe(source: str = "corners", *, data: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    """Plain SGD in batches of 4, so that an epoch has 2 steps; `data` is what changes of the section."""
    sampled: dict[str, Any] = {"source": Component(name=f"{__name__}.{source}"), "batch_size": 4}
    given: dict[str, Any] = {
        "runs_dir": Path("unused"),
        "data": DataConfig(**sampled | (data or {})),
        "model": NETWORKS[source],
        "optimizer": OptimizerConfig(name="SGD", args={"lr": 0.1}),
    }
    return Recipe(name="tiny", **given | changes)


def build(source: str = "corners", *, rank_info: RankInfo = ALONE, **changes: Any) -> Run:
    return build_run(recipe(source, **changes), rank_info)
