"""Classes can be drawn equally often, or as often as the recipe says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.data.sampling import sampling_order
from torchferry.training.data.source import Source
from torchferry.training.data.wrapped import Indexed

COUNTS = (9000, 900, 100)
CLASSES = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))


def skewed(**changes: Any) -> Source:
    return replace(tiny.corners(), **{"train": TensorDataset(torch.zeros(len(CLASSES), 3), CLASSES), **changes})


def shares(sampling: str | list[float], source: Source | None = None) -> list[float]:
    """Of each class in an epoch."""
    order = sampling_order(source or skewed(), sampling)
    assert order is not None
    drawn = order(0, 1)
    assert len(drawn) == sum(COUNTS)
    return [(CLASSES[drawn] == label).double().mean().item() for label in range(3)]


def test_uniform_is_every_sample_once() -> None:
    assert sampling_order(skewed(), "uniform") is None


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [("balanced", [1 / 3, 1 / 3, 1 / 3]), ([1, 1, 1], [0.9, 0.09, 0.01]), ([0, 1, 9], [0, 0.5, 0.5])],
)
def test_classes_are_drawn_as_often_as_asked(sampling: str | list[float], expected: list[float]) -> None:
    assert shares(sampling) == pytest.approx(expected, abs=0.02)


def test_each_epoch_draws_others_and_a_restart_the_same() -> None:
    order = sampling_order(skewed(), "balanced")
    assert order is not None
    assert np.array_equal(order(3, 1), order(3, 1))
    assert not np.array_equal(order(3, 1), order(3, 2))
    assert not np.array_equal(order(3, 1), order(4, 1))


def test_a_data_set_that_tells_its_targets_need_not_be_read() -> None:
    class Files(torch.utils.data.Dataset):
        targets = CLASSES

        def __len__(self) -> int:
            return len(CLASSES)

    assert shares("balanced", replace(tiny.corners(), train=Files())) == pytest.approx([1 / 3] * 3, abs=0.02)


@pytest.mark.parametrize(
    ("sampling", "changes", "words"),
    [
        ([1, 2], {}, "data.sampling: has 2 numbers; one for each of 3 classes is expected"),
        ([1, -1, 1], {}, "are no weights; give numbers of 0 or more, not all 0"),
        ([1, float("nan"), 1], {}, "are no weights"),
        ([0, 0, 0], {}, "are no weights"),
        ("balanced", {"targets": "values"}, "goes by classes, and this data.source has none"),
        ("balanced", {"order": lambda _seed, _epoch: np.arange(3)}, "has an order of its own"),
        ("balanced", {"train": Indexed([1], "mine", None)}, "does not know a sample's class before it reads it"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_drawn_is_refused(sampling: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        sampling_order(skewed(**changes), sampling)
