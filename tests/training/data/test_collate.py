"""A share of samples becomes a batch, also from a stream, and what cannot be read is told or left out."""

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import IterableDataset, TensorDataset

from tests.training import tiny
from tests.training.data.sources import refusal
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.augment import Augment
from torchferry.training.data.collate import TRIES, Batch, Fetch, Stream, stacked
from torchferry.training.data.order import GlobalBatches, Share
from torchferry.training.data.source import Source, TensorInput
from torchferry.training.errors import CorruptSample

NUMBERS = 1000
"""Classes that numbers of samples are."""


class Rows:
    """Sample i is [i] and i; some cannot be read."""

    deterministic = True

    def __init__(self, count: int = 6, lost: tuple[int, ...] = ()) -> None:
        self.count, self.lost = count, lost

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index in self.lost:
            raise CorruptSample(f"row {index}: is lost")
        return torch.tensor([float(index)]), torch.tensor(index)


class Drawn(Rows):
    """Sample i is a number that is drawn."""

    deterministic = False

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor([random.random()]), torch.tensor(index)


class Walked(IterableDataset):
    """Counts from 100 x epoch; its samples have a drawn number each."""

    def __init__(self, count: int) -> None:
        self.count, self.start = count, 0

    def __len__(self) -> int:
        return 8

    def set_epoch(self, epoch: int) -> None:
        self.start = 100 * epoch

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for number in range(self.start, self.start + self.count):
            yield torch.tensor([random.random()]), torch.tensor(number)


def share(*indices: int, epoch: int = 0, batch: int = 4) -> Share:
    return Share(epoch, batch, np.array(indices, dtype=np.int64))


def fetch(samples: Any, classes: int = 6, **args: Any) -> Fetch:
    return Fetch(samples, tiny.task(labels=classes), **args)


def walk(count: int = 8, *, rank: int = 0, ranks: int = 1, epoch: int = 0, first: int = 0, **args: Any) -> list[Any]:
    samples = Walked(count)
    source = Source(train=samples, test=samples, labels=("y",), input=TensorInput(shape=(1,)))
    order = GlobalBatches(8, 4, 3, rank, ranks, order=lambda _seed, _epoch: np.arange(8), **args)
    return list(Stream(fetch(samples, NUMBERS), source, order, epoch, first))


def test_samples_that_are_read_and_those_in_memory_give_the_same_batch() -> None:
    tensors = TensorDataset(torch.arange(6.0).view(6, 1), torch.arange(6))
    for samples in (Rows(), tensors):
        batch = fetch(samples).batch(share(4, 0, 5))
        assert (batch.inputs.tolist(), batch.targets.tolist()) == ([[4], [0], [5]], [4, 0, 5])
        assert (batch.indices.tolist(), batch.number, batch.corrupt) == ([4, 0, 5], 4, [])
        assert batch.to(torch.device("cpu")) is batch


def test_a_sample_draws_by_seed_epoch_and_index_alone() -> None:
    drawn = fetch(Drawn(), seed=3).batch(share(1, 2, 3)).inputs
    random.seed(0)
    assert torch.equal(fetch(Drawn(), seed=3).batch(share(3, 1)).inputs, drawn[[2, 0]])
    others = [fetch(Drawn(), seed=4).batch(share(1)), fetch(Drawn(), seed=3).batch(share(1, epoch=1))]
    assert len({float(batch.inputs[0]) for batch in others} | set(drawn[:, 0].tolist())) == 5


def test_images_are_augmented_by_their_index() -> None:
    images = torch.arange(4, dtype=torch.uint8).view(1, 1, 1, 4).repeat(6, 1, 1, 1)
    augment = Augment([Component(name="horizontal_flip")], seed=3)
    samples = TensorDataset(images, torch.arange(6))
    whole = fetch(samples, augment=augment).batch(share(*range(6))).inputs
    assert 0 < int((whole[:, 0, 0, 0] == 3).sum()) < 6
    assert torch.equal(fetch(samples, augment=augment).batch(share(5, 2)).inputs, whole[[5, 2]])


def test_a_lost_sample_ends_the_run_in_words() -> None:
    words = fetch(Rows(lost=(2,)))[share(1, 2)]
    assert words == "row 2: is lost; data.on_corrupt skip goes on without such samples"
    with pytest.raises(UserError, match="row 2: is lost"):
        fetch(Rows(lost=(2,))).batch(share(1, 2))


def test_a_lost_sample_is_replaced_by_the_next_one_that_is_not() -> None:
    batch = fetch(Rows(lost=(4, 5)), skip_corrupt=True).batch(share(1, 4))
    assert (batch.targets.tolist(), batch.indices.tolist()) == ([1, 0], [1, 4])
    assert batch.corrupt == ["row 4: is lost", "row 5: is lost"]


def test_a_lost_sample_is_left_out_of_what_is_evaluated() -> None:
    evaluated = fetch(Rows(lost=(4, 5)), skip_corrupt=True, replace=False)
    batch = evaluated.batch(share(4, 3, 5))
    assert (batch.targets.tolist(), batch.indices.tolist()) == ([3], [3])
    assert batch.corrupt == ["row 4: is lost", "row 5: is lost"]
    empty = evaluated.batch(share(4))
    assert (len(empty.inputs), len(empty.targets), len(empty.indices)) == (0, 0, 0)


def test_it_gives_up_when_all_that_follow_are_lost() -> None:
    samples = Rows(2 * TRIES, lost=tuple(range(1, TRIES + 1)))
    assert fetch(samples, 2 * TRIES, skip_corrupt=True).batch(share(2)).targets.tolist() == [TRIES + 1]
    words = refusal(lambda: fetch(samples, skip_corrupt=True).batch(share(1)))
    assert words == "row 1: is lost, and so are the 99 samples after it"


@pytest.mark.parametrize(("classes", "wrong"), [(4, 5), (5, 5), (6, None)])
def test_a_class_without_a_label_is_refused(classes: int, wrong: int | None) -> None:
    found = fetch(Rows(), classes)[share(1, 3, 5)]
    if wrong is None:
        assert isinstance(found, Batch)
    else:
        labels = f"but there are {classes} labels, 0 to {classes - 1}"
        assert found == f"data.source: sample 5 has class 5, {labels}"


def test_pairs_are_stacked() -> None:
    inputs, targets = stacked([(torch.tensor([1.0]), 3), (torch.tensor([2.0]), torch.tensor(4))], tiny.task())
    assert (inputs.tolist(), targets.tolist(), targets.dtype) == ([[1], [2]], [3, 4], torch.int64)
    assert [len(part) for part in stacked([], tiny.task())] == [0, 0]


def test_ranks_share_the_batches_of_a_stream() -> None:
    whole = walk()
    halves = [walk(rank=rank, ranks=2) for rank in range(2)]
    assert [batch.targets.tolist() for batch in whole] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [batch.number for batch in whole] == [0, 1]
    for batch, parts in zip(whole, zip(*halves, strict=True), strict=True):
        assert torch.equal(torch.cat([part.inputs for part in parts]), batch.inputs)
        assert torch.cat([part.indices for part in parts]).tolist() == batch.indices.tolist()
    assert [batch.targets.tolist() for batch in walk(accumulate=2)] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_a_stream_is_entered_anywhere_in_any_epoch() -> None:
    random.seed(0)
    late, all_of_it = walk(epoch=2, first=1), walk(epoch=2)
    assert [batch.targets.tolist() for batch in late] == [[204, 205, 206, 207]]
    assert torch.equal(late[0].inputs, all_of_it[1].inputs)
    assert walk(first=2) == []


def test_a_stream_draws_beside_everybody_else() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    assert not torch.equal(walk()[0].inputs, walk(epoch=1)[0].inputs)
    assert random.random() == expected


def test_a_stream_that_ends_early_is_told_after_its_last_whole_batch() -> None:
    first, words = walk(count=6)
    assert first.targets.tolist() == [0, 1, 2, 3]
    assert words == "data.source: the stream ended before its 8 samples; train_samples is too large"


def test_pairs_of_unequal_length_are_padded_to_the_longest() -> None:
    ids = [(torch.tensor([1, 2, 3]), 0), (torch.tensor([4]), 1)]
    assert stacked(ids, tiny.task(), 9)[0].tolist() == [[1, 2, 3], [4, 9, 9]]
    steps = [(torch.ones(1, 2), 0), (torch.ones(2, 2), 1)]
    padded, _ = stacked(steps, tiny.task(), math.nan)
    assert padded.isnan().tolist() == [[[False, False], [True, True]], [[False, False]] * 2]
    batch = fetch(tiny.texts().train, pad=0).batch(share(0, 1, 2))
    assert batch.inputs.shape == (3, max(tiny.texts().train.lengths[:3]))  # type: ignore[attr-defined]
