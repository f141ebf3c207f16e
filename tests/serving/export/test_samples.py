"""Samples come batch after batch by input name, and a few of them are spread evenly."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from tests.serving.export.counted import Counted
from torchferry.contract.tasks.detection import Detection
from torchferry.errors import UserError
from torchferry.serving.export.batch_file import BatchFile
from torchferry.serving.export.samples import BATCH, Samples
from torchferry.training.errors import CorruptSample
from torchferry.training.tasks import half_of


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return ((torch.tensor([float(number)]), torch.tensor(number)) for number in range(100))


class Corrupt(Dataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[torch.Tensor]:
        raise CorruptSample(f"{index}.png: is not an image")


def numbered(count: int, *more: torch.Tensor) -> Samples:
    """Of one number each, which is its place."""
    return Samples(TensorDataset(torch.arange(count, dtype=torch.float32)[:, None], *more), ("x",))


def numbers(samples: Samples) -> list[float]:
    return [float(value) for inputs, _ in samples.batches() for value in inputs["x"][:, 0]]


def test_all_of_them_come_in_their_order_with_their_targets() -> None:
    count = 2 * BATCH + 1
    batches = list(numbered(count, torch.arange(count)).batches())
    assert [len(inputs["x"]) for inputs, _ in batches] == [BATCH, BATCH, 1]
    for inputs, targets in batches:
        assert targets is not None
        assert inputs["x"][:, 0].tolist() == targets.tolist()


def test_where_there_are_no_targets_there_are_none() -> None:
    several = Samples(TensorDataset(torch.zeros(2, 1), torch.ones(2, 1)), ("a", "b"))
    ((inputs, targets),) = several.batches()
    assert targets is None
    assert {name: float(values.max()) for name, values in inputs.items()} == {"a": 0.0, "b": 1.0}


@pytest.mark.parametrize(
    ("size", "count", "picked"), [(9, 3, [0, 4, 8]), (10, 2, [0, 9]), (3, 9, [0, 1, 2]), (5, 1, [0])]
)
def test_some_are_spread_evenly_and_none_comes_twice(size: int, count: int, picked: list[int]) -> None:
    assert numbers(numbered(size).some(count)) == picked


def test_of_a_stream_some_are_the_first() -> None:
    assert numbers(Samples(Stream(), ("x",)).some(3)) == [0, 1, 2]


def test_what_is_made_up_stays_so() -> None:
    for data in (TensorDataset(torch.zeros(4, 1)), Stream()):
        assert Samples(data, ("x",), random=True).some(2).random


def test_as_many_as_are_wanted_are_given_again_and_again() -> None:
    few = numbered(3)
    assert few.repeated(7)["x"][:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert few.repeated(2)["x"].shape == (2, 1)
    assert few.repeated(2)["x"].dtype == np.float32
    (tensor,) = few.tensors(4)
    assert tensor.shape == (4, 1)


def test_a_sample_that_cannot_be_read_is_the_users_error() -> None:
    with pytest.raises(UserError, match=r"0\.png: is not an image"):
        next(Samples(Corrupt(), ("x",)).batches())


def test_the_first_come_together_from_everywhere() -> None:
    assert numbered(200).first(4)["x"][:, 0].tolist() == [0, 66, 132, 199]


def counted(size: int) -> Counted:
    """Sample i is [i] and i."""
    return Counted(TensorDataset(torch.arange(size, dtype=torch.float32)[:, None], torch.arange(size)))


@pytest.mark.parametrize("size", [1, BATCH, 2 * BATCH + 1])
def test_what_is_kept_is_read_once_whoever_asks_again(tmp_path: Path, size: int) -> None:
    data = counted(size)
    samples = Samples(data, ("x",), kept=BatchFile(tmp_path / "kept"))
    next(samples.batches())  # and no more of that pass
    for _ in range(3):
        found = list(samples.batches())
        assert [value for inputs, _ in found for value in inputs["x"][:, 0].tolist()] == list(range(size))
        assert [int(each) for _, targets in found for each in targets] == list(range(size))
    assert data.reads == [1] * size


def test_what_does_not_fit_is_read_again(tmp_path: Path) -> None:
    data = counted(3 * BATCH)
    samples = Samples(data, ("x",), kept=BatchFile(tmp_path / "kept", limit=2 * (BATCH * (4 + 8) + 2 * 128)))
    for _ in range(2):
        assert numbers(samples) == list(range(3 * BATCH))
    assert data.reads == [1] * 2 * BATCH + [2] * BATCH


@pytest.mark.parametrize("limit", [1 << 20, BATCH * (4 + 8) + 2 * 128, 0])
def test_a_stream_is_kept_as_well(tmp_path: Path, limit: int) -> None:
    samples = Samples(Stream(), ("x",), kept=BatchFile(tmp_path / "kept", limit=limit))
    for _ in range(2):
        assert numbers(samples) == list(range(100))


def test_some_say_how_many_they_are() -> None:
    assert numbered(5).count == 5
    assert Samples(Stream(), ("x",)).count is None


def test_targets_are_put_together_as_the_task_does(tmp_path: Path) -> None:
    samples = [(torch.zeros(3), {"labels": torch.arange(count)}) for count in (2, 0, 1)]
    half = half_of(Detection(labels=("a", "b")))
    for each in samples:
        each[1]["boxes"] = torch.ones(len(each[1]["labels"]), 4)
    kept = BatchFile(tmp_path / "kept")
    found = Samples(samples, ("x",), task=half, kept=kept)  # type: ignore[arg-type]  # a list is map-style
    for _ in range(2):  # the second time from the file
        ((inputs, targets),) = found.batches()
        assert inputs["x"].shape == (3, 3)
        assert targets["labels"].tolist() == [[0, 1], [-1, -1], [0, -1]]
    assert found.some(2).first(2)["x"].shape == (2, 3)


def test_targets_of_several_tensors_are_those_of_training() -> None:
    half = half_of(Detection(labels=("a", "b")))
    boxes, labels = torch.arange(16.0).view(2, 2, 4), torch.tensor([[0, 1], [1, -1]])
    held = Samples(TensorDataset(torch.zeros(2, 3), boxes, labels), ("x",), task=half)
    ((inputs, targets),) = held.batches()
    assert inputs["x"].shape == (2, 3)
    assert (targets["boxes"].tolist(), targets["labels"].tolist()) == (boxes.tolist(), labels.tolist())


def of_lengths(*lengths: int) -> Samples:
    data = [(torch.full((length,), length), torch.tensor(length)) for length in lengths]
    return Samples(data, ("ids",))  # type: ignore[arg-type]  # a list is map-style


def test_samples_of_several_sizes_come_with_their_equals() -> None:
    batches = list(of_lengths(3, 1, 3, 2).batches())
    assert [(inputs["ids"].shape, targets.tolist()) for inputs, targets in batches] == [
        ((2, 3), [3, 3]), ((1, 1), [1]), ((1, 2), [2])
    ]  # fmt: skip


def test_those_of_one_size_are_of_a_middle_one() -> None:
    samples = of_lengths(*range(1, 22))
    assert samples.first(1)["ids"].shape[1] in range(8, 15)
    few = samples.first(4)["ids"]
    assert (few.shape[0], few.shape[1] in range(8, 15)) == (4, True)
    assert samples.repeated(8)["ids"].shape[0] == 8


def test_golden_samples_have_a_middle_the_least_and_the_largest_size() -> None:
    groups = of_lengths(*range(1, 22), *range(1, 22)).of_sizes(4)
    assert [group["ids"].shape for group in groups] == [(2, 11), (2, 1), (2, 21)]
    assert [group["ids"].shape for group in of_lengths(5, 5, 5).of_sizes(2)] == [(2, 5)]


def test_samples_of_several_sizes_are_kept_once_they_are_read(tmp_path: Path) -> None:
    samples = replace(of_lengths(3, 1, 3, 2), kept=BatchFile(tmp_path / "kept"))
    first, again = ([(inputs["ids"].tolist(), targets.tolist()) for inputs, targets in samples.batches()] for _ in "ab")
    assert first == again
    assert len(first) == 3
