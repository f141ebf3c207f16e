"""Means and standard deviations keep the digits of any units, and what no float32 holds is named."""

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.scaling import check_narrow, scaling


def test_columns_are_scaled_by_what_numpy_says_of_their_float64_values() -> None:
    rows = np.random.default_rng(0).normal(5, [1e-3, 1, 1e4], (100, 3)).astype(np.float32)
    mean, std = scaling(rows)
    assert mean.tolist() == rows.mean(axis=0, dtype=np.float64).tolist()
    assert std.tolist() == rows.std(axis=0, dtype=np.float64).tolist()


@pytest.mark.parametrize("value", [0.1, 0.0, -1.7e308])
def test_a_constant_column_is_not_divided_by_what_its_mean_was_rounded_by(value: float) -> None:
    assert [part.tolist() for part in scaling(np.full((8, 1), value))] == [[value], [1]]


@pytest.mark.parametrize("unit", [1e-200, 1e-320, 1, 1e200])
def test_no_square_overflows_or_vanishes(unit: float) -> None:
    mean, std = scaling(np.array([[1.0], [2], [3], [6]]) * unit)
    assert mean[0] / unit == pytest.approx(3, rel=1e-3)
    assert std[0] / unit == pytest.approx(3.5**0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("rows", "scale", "words"),
    [
        ([[1, 1e39]], (0, 1), "t: column 'b' is 1e+39 in row 0, which is no finite float32"),
        ([[1, 1], [-1e300, 1]], (5, 2), "t: column 'a' is -1e+300 in row 1, which lies too far from the others"),
        ([[1, 1]], (np.inf, np.inf), "t: column 'a' is 1.0 in row 0, which lies too far from the others"),
    ],
)
def test_what_no_float32_holds_is_named(rows: list[list[float]], scale: tuple[float, float], words: str) -> None:
    mean, std = (np.full(2, value, dtype=float) for value in scale)
    assert words in refusal(lambda: check_narrow(np.array(rows, float), mean, std, ("a", "b"), "t", "row {}".format))
    check_narrow(np.array([[1e39, 0.0]]), np.array([0.9e39, 0]), np.array([1e38, 1]), ("a", "b"), "t", "row {}".format)
