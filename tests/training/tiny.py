"""A run that takes milliseconds: a linear network over a few samples of four numbers."""

from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import TensorDataset

from training.component import Component
from training.data.source import Source, TensorInput
from training.recipe import DataConfig, Recipe


def source(train: int = 8, test: int = 6, classes: int = 3) -> Source:
    """The largest of a sample's first numbers is that of its class."""
    return Source(
        train=samples(train, classes),
        test=samples(test, classes),
        labels=tuple("abcd"[:classes]),
        input=TensorInput(shape=(4,)),
    )


def samples(count: int, classes: int = 3) -> TensorDataset:
    targets = torch.arange(count) % classes
    return TensorDataset(torch.eye(4)[targets], targets)


def recipe(*, data: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    """Batches of 4, so that an epoch has 2 steps."""
    given: dict[str, Any] = {"source": Component(name=f"{__name__}.source"), "batch_size": 4}
    plain = Recipe(
        name="tiny",
        data=DataConfig(**given | (data or {})),
        model=Component(name="torch.nn.Linear", args={"in_features": 4, "out_features": 3}),
        optimizer=Component(name="SGD", args={"lr": 0.5}),
    )
    return replace(plain, **changes)
