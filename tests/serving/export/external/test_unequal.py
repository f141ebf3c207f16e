"""Samples of sizes of their own, in memory and in a file of arrays."""

import re

import numpy as np
import pytest
import torch

from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.unequal import Unequal, sizes_in

X, N = read_input("x:FP32:[t=2..4]x2", 0, {}), read_input("n:INT64", 1, {})


def test_a_sample_is_as_long_as_it_is_and_what_is_behind_it_is_nothing() -> None:
    data = Unequal([torch.full((2, 4, 2), torch.nan), torch.tensor([3, 4])], [X.axes, ()], {"t": np.array([3, 4])})
    (short, count), (long, _) = data[0], data[1]
    assert (short.shape, long.shape, int(count)) == ((3, 2), (4, 2), 3)
    assert data.tensors[0][0, 3].tolist() == [0, 0]
    assert data.tensors[0][1, 3].isnan().all()


def test_sizes_are_those_of_the_file_or_of_its_arrays() -> None:
    arrays = {"x": np.zeros((3, 4, 2)), "n": np.zeros(3)}
    assert sizes_in(arrays, [X, N], "")["t"].tolist() == [4, 4, 4]
    assert sizes_in(arrays | {"sizes.t": np.array([2, 3, 4])}, [X, N], "")["t"].tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([2, 3], "'sizes.t' is int64 [2]; a whole number for each of the 3 samples is expected"),
        ([2.0, 3, 4], "'sizes.t' is float64 [3]"),
        ([2, 1, 4], "sample 1 of 'x' has 1 t; --input says 2 to 4"),
        ([2, 4, 4], "'sizes.t' says 4 of sample 1; 'x' has 3"),
    ],
)
def test_sizes_that_are_not_the_samples_are_refused(sizes: list[float], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        sizes_in({"x": np.zeros((3, 3, 2)), "sizes.t": np.array(sizes)}, [X], "")
