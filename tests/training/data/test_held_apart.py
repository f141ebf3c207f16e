"""Parts of the training samples that are held apart: disjoint, complete, and the same when samples are added."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.data.held_apart import Part, fold_part, validation_part
from torchferry.training.data.source import Listing, Source

SIZE = 1000


def values(samples: Dataset) -> set[float]:
    return {float(samples[index][0].sum()) for index in range(len(samples))}  # type: ignore[arg-type]


class Files(Dataset):
    """A map-style set that knows keys and targets of its samples."""

    deterministic = True

    def __init__(self, size: int) -> None:
        self.targets = torch.arange(size) % 3

    def keys(self) -> np.ndarray:
        return np.arange(len(self.targets), dtype=np.uint64) * np.uint64(77)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor([float(index)]), self.targets[index]


def tensors(size: int = SIZE) -> TensorDataset:
    return TensorDataset(torch.arange(float(size))[:, None], torch.arange(size) % 3)


def source_of(samples: Dataset, **changes: Any) -> Source:
    return replace(tiny.corners(), train=samples, **changes)


@pytest.mark.parametrize("kind", [tensors, Files])
def test_folds_are_disjoint_and_complete(kind: Any) -> None:
    source = source_of(kind(SIZE))
    parts = [fold_part(source, f"{number}/5") for number in range(1, 6)]
    tests = [values(part.test) for part in parts]
    assert sum(map(len, tests)) == SIZE
    assert set.union(*tests) == values(source.train)
    for part, test in zip(parts, tests, strict=True):
        assert len(test) == pytest.approx(200, abs=50)
        assert values(part.train) == values(source.train) - test


@pytest.mark.parametrize("kind", [tensors, Files])
def test_a_sample_keeps_its_part_when_others_come(kind: Any) -> None:
    before, after = (validation_part(source_of(kind(size)), 0.2)[1] for size in (SIZE, 2 * SIZE))
    assert values(before) == {value for value in values(after) if value < SIZE}


def test_equal_samples_are_in_one_part() -> None:
    twice = TensorDataset(torch.arange(40.0)[:, None] % 20, torch.zeros(40).long())
    left, part = validation_part(source_of(twice), 0.3)
    assert not values(left.train) & values(part)


def test_a_fold_and_a_validation_part_go_together() -> None:
    left, part = validation_part(fold_part(source_of(Files(SIZE)), "2/5"), 0.25)
    sets = [values(left.train), values(part), values(left.test)]
    assert sum(map(len, sets)) == len(set.union(*sets)) == SIZE
    assert isinstance(left.train, Part)
    assert left.train.deterministic
    assert left.train.targets.tolist() == [int(left.train[index][1]) for index in range(len(left.train))]


def test_the_order_of_shards_is_kept_among_the_samples_that_are_left() -> None:
    whole = source_of(Files(SIZE), order=lambda _seed, _epoch: np.arange(SIZE)[::-1])
    left, _ = validation_part(whole, 0.5)
    assert left.order is not None
    order = left.order(0, 0)
    assert sorted(order) == list(range(left.train_size))
    read = [float(left.train[index][0]) for index in order]
    assert read == sorted(read, reverse=True)


def test_the_listing_of_the_whole_stays_and_that_of_a_test_set_that_is_replaced_goes() -> None:
    listings = {split: Listing(samples=SIZE, sha256=split) for split in ("train", "test")}
    source = source_of(tensors(), listings=listings)
    assert validation_part(source, 0.2)[0].listings == listings
    assert list(fold_part(source, "1/3").listings) == ["train"]


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("samples", "fraction", "words"),
    [
        (Stream(), 0.5, "data.validation_fraction: a stream has no samples to choose from"),
        (tensors(3), 1e-9, "data.validation_fraction: of 3 training samples none would be held apart"),
        (tensors(3), 1 - 1e-9, "data.validation_fraction: of 3 training samples none would be left to train on"),
    ],
)
def test_what_cannot_be_divided_is_refused(samples: Dataset, fraction: float, words: str) -> None:
    with pytest.raises(UserError, match=words):
        validation_part(source_of(samples), fraction)
