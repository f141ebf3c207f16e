"""Differences of numbers, of what is not finite, and of whole numbers."""

import numpy as np
import pytest

from torchferry.serving.export.checks.differences import amount, difference, scale, scales

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "others", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], [0, 0.5]),
        ([NAN, INFINITY, -INFINITY], [NAN, INFINITY, -INFINITY], [0, 0, 0]),
        ([NAN, INFINITY, 1.0], [1.0, -INFINITY, NAN], [INFINITY] * 3),
        ([3e38], [-3e38], [6e38]),
    ],
)
def test_numbers(values: list[float], others: list[float], expected: list[float]) -> None:
    found = difference(np.array([values], np.float32), np.array([others], np.float32))
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
    assert amount(found, np.array(values)) == pytest.approx(max(expected), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_of_whole_numbers_and_truth_values_it_is_counted_which_differ(dtype: type) -> None:
    both: list[np.ndarray] = [np.array([[first, 0], [1, 1]]).astype(dtype) for first in (1, 0)]
    values, others = both
    found = difference(values, others)
    assert found.tolist() == [[1, 0], [0, 0]]
    assert amount(found, values) == 0.25
    assert (scales(values).tolist(), scale(values)) == ([0, 0], 1)


def test_other_shapes_are_apart_without_measure() -> None:
    values = np.zeros((2, 3), np.int64)
    assert amount(difference(values, np.zeros((2, 2), np.int64)), values) == INFINITY


def test_nothing_is_not_apart() -> None:
    empty = np.zeros((2, 0), np.float32)
    assert amount(difference(empty, empty), empty) == 0


def test_the_scale_is_of_the_finite_numbers_by_element_or_of_all() -> None:
    values = np.array([[1.0, -5.0, NAN], [-2.0, INFINITY, NAN]], np.float32)
    assert scales(values).tolist() == [2, 5, 0]
    assert scale(values) == 5
