"""Samples of unequal length in memory come as long as they are."""

import numpy as np
import torch

from tests.training import tiny
from torchferry.training.data.held_apart import validation_part
from torchferry.training.data.ragged import Ragged
from torchferry.training.data.source import Source, TensorInput

ROWS = [np.array(row, np.int64) for row in ([3, 1], [2], [5, 6, 7], [2])]


def test_a_sample_is_as_it_was_given() -> None:
    samples = Ragged(ROWS, torch.arange(4))
    assert len(samples) == 4
    assert samples.lengths.tolist() == [2, 1, 3, 1]
    for index, row in enumerate(ROWS):
        values, target = samples[index]
        assert (values.tolist(), int(target)) == (row.tolist(), index)
        assert int(samples.target(index)) == index
    assert Ragged([np.zeros((4, 2)), np.ones((1, 2))], torch.arange(2))[1][0].tolist() == [[1, 1]]


def test_equal_samples_are_held_apart_together_with_their_lengths() -> None:
    keys = Ragged(ROWS, torch.arange(4)).keys()
    assert keys[1] == keys[3]
    assert len(set(keys.tolist())) == 3
    rows = [np.full(1 + place % 7, place, np.int64) for place in range(200)]
    train = Ragged(rows, torch.zeros(200, dtype=torch.int64))
    source = Source(train=train, test=train, labels=("a", "b"), input=TensorInput(shape=(1,)))
    left, part = validation_part(source, 0.3)
    for samples in (left.train, part):
        lengths = [len(samples[index][0]) for index in range(len(samples))]  # type: ignore[arg-type]
        assert samples.lengths.tolist() == lengths  # type: ignore[attr-defined]


def test_its_targets_are_looked_at_before_training() -> None:
    assert tiny.task().lacking(Ragged(ROWS, torch.arange(4)).target(0)) == frozenset()
