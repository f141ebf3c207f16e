"""Samples are brought to other sizes, and the sizes that are tried are the bounds and some between."""

import numpy as np

from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.sizes import elements, largest, of_one_size, resized, spread, tried, words

TOKENS = Axis(at=1, name="t", least=1, most=64)
IDS = TensorSpec(name="ids", datatype="INT64", shape=(-1, -1), axes=(TOKENS,))
LENGTHS = TensorSpec(name="n", datatype="INT64", shape=(-1,))
HIGH = Axis(at=2, name="h", least=32, most=128, step=32)
WIDE = Axis(at=3, name="w", least=32, most=64, step=32)
PICTURE = TensorSpec(name="x", datatype="FP32", shape=(-1, 3, -1, -1), axes=(HIGH, WIDE))


def test_sizes_are_spread_from_bound_to_bound() -> None:
    assert spread(TOKENS, 4) == [1, 4, 16, 64]
    assert spread(HIGH, 8) == [32, 64, 96, 128]
    assert spread(Axis(at=1, name="t", least=5, most=5), 4) == [5]


def test_each_bound_is_tried_beside_others_that_are_between() -> None:
    assert [each["t"] for each in tried([IDS, LENGTHS])] == [1, 3, 8, 23, 64]
    sizes = [(each["h"], each["w"]) for each in tried([PICTURE])]
    assert {(32, 32), (128, 64)} <= set(sizes)
    assert {high for high, _ in sizes} == {32, 64, 96, 128}
    assert any(high > wide for high, wide in sizes)
    assert any(high < wide for high, wide in sizes)
    assert tried([LENGTHS]) == []
    assert largest([PICTURE]) == {"h": 128, "w": 64}


def test_a_longer_sample_is_repeated_and_a_shorter_one_cut() -> None:
    inputs = {"ids": np.array([[1, 2, 3]]), "n": np.array([3])}
    longer, shorter = (resized(inputs, [IDS, LENGTHS], {"t": size}) for size in (5, 2))
    assert (longer["ids"].tolist(), longer["n"].tolist()) == ([[1, 2, 3, 1, 2]], [3])
    assert (shorter["ids"].tolist(), shorter["n"].tolist()) == ([[1, 2]], [2])  # a length is no longer than its sample
    beyond = resized(inputs | {"n": np.array([7])}, [IDS, LENGTHS], {"t": 2})
    assert beyond["n"].tolist() == [7]  # and this is none


def test_samples_of_several_sizes_become_ones_of_the_largest() -> None:
    one = of_one_size([{"ids": np.array([[1, 2, 3]])}, {"ids": np.array([[7], [8]])}])
    assert one["ids"].tolist() == [[1, 2, 3], [7, 7, 7], [8, 8, 8]]
    assert elements(one) == 3


def test_sizes_are_said() -> None:
    assert words({"h": 1024, "w": 32}) == "1,024 h and 32 w"
