"""Batches come from memory, from a reader or from a stream, and are the same from each."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from tests.training import tiny
from tests.training.data.sources import refusal
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.collate import Batch
from torchferry.training.data.loaders import (
    EVALUATION_BATCH,
    EvaluationFeed,
    Feed,
    LoaderFeed,
    ResidentFeed,
    StreamFeed,
    open_feed,
)
from torchferry.training.data.order import GlobalBatches
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.errors import CorruptSample

CPU = torch.device("cpu")
COUNT = 10
IMAGES = torch.arange(COUNT * 3, dtype=torch.uint8).view(COUNT, 1, 1, 3)
INPUT = ImageInput(mode="L", height=1, width=3, mean=(0.5,), std=(0.5,))


class Read(Dataset):
    """The same samples one by one; some cannot be read."""

    def __init__(self, count: int = COUNT, lost: tuple[int, ...] = ()) -> None:
        self.count, self.lost = count, lost

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index in self.lost:
            raise CorruptSample(f"image {index}: is lost")
        return IMAGES[index % COUNT], torch.tensor(index)


class Walked(IterableDataset):
    def __len__(self) -> int:
        return COUNT

    def __iter__(self) -> Any:
        return zip(IMAGES, torch.arange(COUNT), strict=True)


MEMORY = TensorDataset(IMAGES, torch.arange(COUNT))


def config(**args: Any) -> DataConfig:
    return DataConfig(source=Component(name="digits"), batch_size=4, **args)


def opened(samples: Dataset, rank: int = 0, ranks: int = 1, classes: int = COUNT, **args: Any) -> Feed:
    source = Source(train=samples, test=samples, labels=("a",) * classes, input=INPUT)
    own = (lambda _seed, _epoch: np.arange(COUNT)) if isinstance(samples, Walked) else None
    return open_feed(
        config(**args), source, GlobalBatches(COUNT, 4, 3, rank, ranks, order=own), tiny.task(labels=classes), CPU
    )


def assert_same(found: list[Batch], expected: list[Batch]) -> None:
    assert expected
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))
        assert one[3:] == other[3:]


@pytest.mark.parametrize(
    ("samples", "args", "kind"),
    [
        (MEMORY, {}, ResidentFeed),
        (MEMORY, {"device_resident": True, "workers": 2}, ResidentFeed),
        (MEMORY, {"workers": 2}, LoaderFeed),
        (Read(), {}, LoaderFeed),
        (Walked(), {}, StreamFeed),
    ],
)
def test_the_quickest_way_is_taken(samples: Dataset, args: dict[str, Any], kind: type) -> None:
    assert type(opened(samples, **args)) is kind


@pytest.mark.parametrize("augment", [[], [Component(name="horizontal_flip")]])
def test_batches_from_memory_and_from_a_reader_are_the_same(augment: list[Component]) -> None:
    resident, reader = (opened(samples, augment=augment) for samples in (MEMORY, Read()))
    assert [type(resident), type(reader)] == [ResidentFeed, LoaderFeed]
    for epoch, first in ((0, 0), (0, 1), (1, 0)):
        assert_same(list(reader.epoch(epoch, first)), list(resident.epoch(epoch, first)))
    numbers = [[batch.number for batch in resident.epoch(0, first)] for first in (0, 1, 2)]
    assert numbers == [[0, 1], [1], []]


def test_batches_are_the_samples_of_the_order() -> None:
    order = GlobalBatches(COUNT, 4, 3)
    batches = list(opened(Read()).epoch(1, 0))
    assert [batch.targets.tolist() for batch in batches] == [part.indices.tolist() for part in order.shares(1)]
    for batch in batches:
        assert torch.equal(batch.inputs, IMAGES[batch.indices])


def test_a_stream_only_goes_forward() -> None:
    feed = opened(Walked(), rank=1, ranks=2)
    for epoch in (0, 1):
        assert [batch.targets.tolist() for batch in feed.epoch(epoch, 0)] == [[2, 3], [6, 7]]
    assert [batch.number for batch in feed.epoch(0, 1)] == [1]


@pytest.mark.parametrize(
    ("samples", "args", "words"),
    [
        (Read(), {}, "this data.source does not lie in memory; set it to false"),
        (Walked(), {}, "this data.source does not lie in memory; set it to false"),
        (
            MEMORY,
            {"augment": [Component(name="torch.nn.Identity")]},
            "a transform by import path works on single images on the CPU; use horizontal_flip, random_crop and "
            "rotation, or set it to false",
        ),
    ],
)
def test_what_cannot_lie_on_the_device_is_refused(samples: Dataset, args: dict[str, Any], words: str) -> None:
    assert refusal(lambda: opened(samples, device_resident=True, **args)) == f"data.device_resident: {words}"


def test_what_a_loader_could_not_read_is_raised_or_skipped() -> None:
    lost = Read(lost=tuple(range(COUNT - 1)))
    with pytest.raises(UserError, match=r"image \d: is lost; data.on_corrupt skip goes on without such samples"):
        next(opened(lost).epoch(0, 0))
    batches = list(opened(lost, on_corrupt="skip").epoch(0, 0))
    assert {int(target) for batch in batches for target in batch.targets} == {COUNT - 1}
    assert all(batch.corrupt for batch in batches)
    with pytest.raises(UserError, match="has class 9, but there are 9 labels"):
        list(itertools.chain(*(opened(Read(), classes=9).epoch(epoch, 0) for epoch in range(3))))


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_each_test_sample_is_evaluated_once_in_as_many_batches_on_every_rank(ranks: int) -> None:
    size = 2 * ranks * EVALUATION_BATCH + 1
    feed = EvaluationFeed(
        TensorDataset(torch.zeros(size, 1), torch.arange(size)), config(), tiny.task(labels=size), CPU
    )
    found = [list(feed(rank, ranks)) for rank in range(ranks)]
    assert {len(batches) for batches in found} == {3}
    for rank, batches in enumerate(found):
        indices = torch.cat([batch.indices for batch in batches]).tolist()
        assert indices == list(range(rank, size, ranks))
        assert [batch.number for batch in batches] == [0, 1, 2]
        assert max(len(batch.inputs) for batch in batches) == EVALUATION_BATCH
        assert torch.cat([batch.targets for batch in batches]).tolist() == indices
    assert len(found[-1][2].inputs) == (1 if ranks == 1 else 0)


def test_a_corrupt_test_sample_is_left_out_or_ends_the_run() -> None:
    lost = Read(lost=(2,))
    [batch] = EvaluationFeed(lost, config(on_corrupt="skip"), tiny.task(labels=COUNT), CPU)(0, 2)
    assert (batch.indices.tolist(), batch.corrupt) == ([0, 4, 6, 8], ["image 2: is lost"])
    with pytest.raises(UserError, match="image 2: is lost"):
        list(EvaluationFeed(lost, config(), tiny.task(labels=COUNT), CPU)(0, 2))
    assert len(list(EvaluationFeed(lost, config(), tiny.task(labels=COUNT), CPU)(1, 2))) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_of_unequal_length_are_padded_in_training_and_evaluation(workers: int) -> None:
    source = tiny.texts()
    assert refusal(
        lambda: open_feed(config(device_resident=True), source, GlobalBatches(40, 4, 3), tiny.task(), CPU)
    ) == ("data.device_resident: samples of unequal length are padded on the CPU; set it to false")
    feed = open_feed(config(workers=workers), source, GlobalBatches(40, 4, 3), tiny.task(), CPU)
    for batch in [*feed.epoch(0, 0), *EvaluationFeed(source.test, config(), tiny.task(), CPU, pad=0)(1, 2)]:
        samples = source.train if len(batch.indices) == 4 else source.test
        for row, index in zip(batch.inputs, batch.indices.tolist(), strict=True):
            own = samples[index][0]
            assert row.tolist() == [*own.tolist(), *[0] * (batch.inputs.shape[1] - len(own))]
