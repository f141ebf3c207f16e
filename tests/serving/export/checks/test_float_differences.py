"""Differences of numbers add up over batches, of each output apart; a NaN is never lost."""

import numpy as np
import pytest

from torchferry.serving.export.checks.float_differences import FloatDifferences, from_mean

PLAIN = (np.array(0.0), np.array(1.0))


def differences(
    *batches: tuple[list[float], list[float]], scaling: tuple[np.ndarray, np.ndarray] = PLAIN
) -> FloatDifferences:
    """Of one output, of batches of what was answered and expected."""
    found = FloatDifferences({"y": scaling})
    for answered, expected in batches:
        found.add({"y": np.array(answered)}, {"y": np.array(expected)})
    return found


def test_batches_add_up() -> None:
    found = differences(([1.0, 2.0], [1.0, 1.5]), ([4.0], [3.0]))
    assert found.largest == {"y": 1.0}
    assert found.mean == 0.5
    assert found.relative_errors()["y"] == pytest.approx((1.25 / (1 + 2.25 + 9)) ** 0.5)
    assert found.scaled({"y": 3.0}) is None


def test_a_nan_is_kept_and_the_same_infinity_is_no_difference() -> None:
    found = differences(([np.nan], [1.0]), ([5.0], [5.0]))
    assert np.isnan(found.largest["y"])
    assert differences(([np.inf, 1.0], [np.inf, 1.0])).largest == {"y": 0.0}


def test_what_was_scaled_back_is_judged_before_that() -> None:
    scaling = (np.array(1e9), np.array(10.0))
    found = differences(([1e9 + 1], [1e9 + 10]), scaling=scaling)
    assert found.relative_errors()["y"] == pytest.approx(0.9)
    assert from_mean(np.array([1e9 + 10]), scaling).tolist() == [10]


def test_each_of_several_outputs_is_scaled_by_its_own_values() -> None:
    found = FloatDifferences({"small": PLAIN, "large": PLAIN})
    found.add(
        {"small": np.array([0.5]), "large": np.array([108.0])}, {"small": np.array([0.25]), "large": np.array([100.0])}
    )
    assert found.scaled({"small": 0.25, "large": 100.0}) == 0.25
