"""Batches of like length: the same samples, on every rank and after any restart."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset

from tests.training import tiny
from tests.training.data.sources import refusal
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.buckets import by_length
from torchferry.training.data.order import GlobalBatches, permuted
from torchferry.training.data.ragged import Ragged
from torchferry.training.data.source import Source

SIZE, BATCH = 1003, 8
LENGTHS = np.random.default_rng(0).integers(1, 200, SIZE)
SOURCE = replace(tiny.texts(), train=Ragged([np.ones(n, np.int64) for n in LENGTHS], torch.zeros(SIZE).long()))


def order(buckets: bool | int = True, source: Source = SOURCE, given: Any = None) -> Any:
    config = DataConfig(source=Component(name="text"), batch_size=BATCH, buckets=buckets)
    return by_length(source, given, config)


def padding(samples: np.ndarray) -> float:
    """Share of all batches."""
    lengths = LENGTHS[samples[: SIZE - SIZE % BATCH]].reshape(-1, BATCH)
    return float(1 - lengths.sum() / (lengths.max(axis=1) * BATCH).sum())


def test_an_epoch_has_the_same_samples_and_little_padding() -> None:
    plain, sorted_ = permuted(SIZE)(3, 1), order()(3, 1)
    assert sorted(plain) == sorted(sorted_)
    assert sorted(plain[:400]) == sorted(sorted_[:400])  # a bucket of 50 batches of 8
    assert plain[-3:].tolist() == sorted_[-3:].tolist()  # which belong to no batch
    assert padding(plain) > 0.3 > 0.05 > padding(sorted_)
    assert padding(sorted_) < padding(order(4)(3, 1)) < padding(plain)
    assert order(1)(3, 1).tolist() != plain.tolist()
    assert padding(order(1)(3, 1)) == padding(plain)


def test_it_depends_on_seed_and_epoch_alone() -> None:
    assert order()(3, 1).tolist() == order()(3, 1).tolist()
    assert len({tuple(order()(seed, epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_neither_long_batches_nor_long_samples_have_a_place_of_their_own() -> None:
    batches = LENGTHS[order()(0, 0)[:800]].reshape(2, 50, BATCH)
    assert abs(np.corrcoef(np.arange(50), batches.mean(axis=2).mean(axis=0))[0, 1]) < 0.5
    one_rank, other = batches.reshape(-1, 2, BATCH // 2).mean(axis=(0, 2))
    assert abs(one_rank - other) < 0.5 < np.ptp(batches, axis=2).mean() / 4  # in sorted ones it is half of the span


def test_a_drawn_order_is_sorted_as_well() -> None:
    def drawn(seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).integers(0, SIZE, SIZE)

    assert sorted(order(given=drawn)(0, 0)) == sorted(drawn(0, 0))


def test_ranks_and_restarts_take_their_part_of_the_same_batches() -> None:
    whole = list(GlobalBatches(SIZE, BATCH, 3, order=order()).shares(1, 100))
    ranks = [list(GlobalBatches(SIZE, BATCH, 3, rank, 2, order=order()).shares(1, 100)) for rank in (0, 1)]
    assert len(whole) == SIZE // BATCH - 100
    for batch, one, other in zip(whole, *ranks, strict=True):
        assert batch.indices.tolist() == [*one.indices.tolist(), *other.indices.tolist()]


class Streamed(IterableDataset):
    def __len__(self) -> int:
        return 8

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class Unread(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return SIZE


def test_what_has_no_lengths_is_refused() -> None:
    words = "data.buckets: all samples of this data.source have one size; set it to false"
    assert refusal(lambda: tiny.build(data={"buckets": True})) == words
    words = "data.buckets: this data.source does not know a sample's length before it reads it; set it to false"
    assert refusal(lambda: order(source=replace(SOURCE, train=Unread()))) == words


def test_a_run_is_fed_batches_of_like_length() -> None:
    run = tiny.build("texts", data={"buckets": 5, "batch_size": 8})
    plain = tiny.build("texts", data={"batch_size": 8})
    fed, unsorted = (list(each.feed.epoch(0, 0)) for each in (run, plain))
    assert len(fed) == len(unsorted) == 5
    assert sorted(torch.cat([each.indices for each in fed])) == sorted(torch.cat([each.indices for each in unsorted]))
    assert sum(each.inputs.numel() for each in fed) < sum(each.inputs.numel() for each in unsorted)
