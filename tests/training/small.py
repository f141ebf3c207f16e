"""A run so small that its parts are built, and take a step, in milliseconds."""

from pathlib import Path
from typing import Any

import torch
from torch.utils.data import TensorDataset

from training.build import Run, build_run
from training.component import Component
from training.data.source import Source, TensorInput
from training.process_group import Place
from training.recipe import DataConfig, Recipe

ALONE = Place(rank=0, world_size=1, device=torch.device("cpu"), local_rank=0, one_node=True)


def corners() -> Source:
    """Points that belong to the greatest of their three coordinates."""
    points = torch.rand(16, 3, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(points, points.argmax(dim=1))
    return Source(train=data, test=data, labels=("x", "y", "z"), input=TensorInput(shape=(3,)))


def sums() -> Source:
    """Points and the sum of their coordinates."""
    points = torch.rand(16, 3, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(points, points.sum(dim=1, keepdim=True))
    return Source(train=data, test=data, labels=("sum",), input=TensorInput(shape=(3,)), targets="values")


def recipe(runs_dir: Path, *, source: str = "corners", batch_size: int = 8, **changes: Any) -> Recipe:
    """One linear layer and plain SGD."""
    outputs = {"corners": 3, "sums": 1}[source]
    given: dict[str, Any] = {
        "data": DataConfig(source=Component(name=f"tests.training.small.{source}"), batch_size=batch_size),
        "model": Component(name="linear", args={"in_features": 3, "out_features": outputs}),
        "optimizer": Component(name="SGD", args={"lr": 0.1}),
    }
    return Recipe(name="small", runs_dir=runs_dir, **given | changes)


def build(runs_dir: Path, **changes: Any) -> Run:
    return build_run(recipe(runs_dir, **changes), ALONE)
