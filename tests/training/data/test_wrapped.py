"""A user's data set by its index or as a stream: every sample checked, every error named."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.data.user_sets import Numbers
from torchferry.errors import UserError
from torchferry.training.data.sample import Sample
from torchferry.training.data.source import TensorInput
from torchferry.training.data.wrapped import Indexed, Streamed
from torchferry.training.errors import CorruptSample

VALUES = Sample(TensorInput(shape=(2,)), 1, "values")


class Rows:
    """Sample i is (i, i) and i / 2; at 2 it is something else, at 3 it fails."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        if index == 3:
            raise RuntimeError("disk\n  unplugged")
        return None if index == 2 else (np.full(2, index, np.float32), index / 2)


def values(samples: Any) -> list[float]:
    return [float(target) for _, target in samples]


def test_a_sample_by_its_index_is_converted() -> None:
    samples = Indexed(Rows(), "train Rows", VALUES)
    x, y = samples[1]
    assert len(samples) == 4
    assert (x.tolist(), y.dtype, y.tolist()) == ([1, 1], torch.float32, [0.5])


def test_what_the_data_set_raises_is_a_corrupt_sample_and_what_it_gives_wrong_is_not() -> None:
    samples = Indexed(Rows(), "train Rows", VALUES)
    with pytest.raises(CorruptSample, match=r"^train Rows\[3\]: cannot be read: RuntimeError: disk unplugged$"):
        samples[3]
    with pytest.raises(UserError, match=r"^train Rows\[2\]: is a NoneType; \(x, y\) is expected$") as wrong:
        samples[2]
    assert not isinstance(wrong.value, CorruptSample)


@pytest.mark.parametrize(("there", "count", "taken"), [(9, 3, [0, 0.5, 1]), (2, 3, [0, 0.5]), (9, 0, [])])
def test_a_stream_gives_so_many_or_what_there_is(there: int, count: int, taken: list[float]) -> None:
    samples = Streamed(Numbers(end=there), "train Numbers", VALUES, count)
    assert len(samples) == count
    assert values(samples) == taken
    assert values(samples) == taken


def test_a_stream_is_told_the_epoch_if_it_wants_to_know() -> None:
    samples = Streamed(Numbers(), "train Numbers", VALUES, 2)
    samples.set_epoch(3)
    assert values(samples) == [150, 150.5]
    plain = Streamed([(np.zeros(2, np.float32), 7)], "train list", VALUES, 2)
    plain.set_epoch(3)
    assert values(plain) == [7]


def test_where_a_stream_fails_is_named() -> None:
    walk = iter(Streamed(Numbers(broken=2), "train Numbers", VALUES, 4))
    assert [float(next(walk)[1]) for _ in range(2)] == [0, 0.5]
    with pytest.raises(CorruptSample, match=r"^train Numbers\[2\]: cannot be read: OSError: connection lost$"):
        next(walk)


def test_a_wrong_sample_of_a_stream_is_named() -> None:
    def stream() -> Iterator[Any]:
        yield np.zeros(2, np.float32), 7
        yield np.zeros(3, np.float32), 7

    with pytest.raises(UserError, match=r"^train stream\[1\]: x is float32 \[3\]; float32 \[2\] is expected$"):
        values(Streamed(stream(), "train stream", VALUES, 2))
