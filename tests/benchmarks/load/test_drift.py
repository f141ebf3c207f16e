"""A drift is a slope that neither noise nor a few outliers explain."""

import numpy as np
import pytest

from torchferry.benchmarks.load.drift import Drift, drift, told


def test_a_drift_is_told_from_noise() -> None:
    random, minutes = np.random.default_rng(0), list(range(60))
    flat = drift(minutes, (100 + random.normal(size=60)).tolist())
    rising = drift(minutes, (100 + np.arange(60) / 10 + random.normal(size=60)).tolist())
    assert flat is not None
    assert rising is not None
    assert (flat.significant, rising.significant) == (False, True)
    assert rising.low < 6 < rising.high  # an hour


def test_the_slope_is_the_median_one_and_the_interval_is_sens() -> None:
    hours = np.arange(10)
    found = drift((60 * hours).tolist(), (hours**2).tolist())  # the slope of a pair is the sum of its hours
    assert found == Drift(first=0, last=81, per_hour=9, low=6, high=12)


def test_first_and_last_are_medians_of_a_tenth() -> None:
    found = drift(list(range(20)), [float(value) for value in range(20)])
    assert found == Drift(first=0.5, last=18.5, per_hour=60, low=60, high=60)


def test_an_outlier_moves_nothing() -> None:
    values = [5.0] * 40
    values[20] = 1e9
    found = drift(list(range(40)), values)
    assert found == Drift(first=5, last=5, per_hour=0, low=0, high=0)
    assert not found.significant


@pytest.mark.parametrize(("count", "said"), [(0, False), (7, False), (8, True)])
def test_fewer_than_eight_points_say_nothing(count: int, said: bool) -> None:
    assert (drift(list(range(count)), [1.0] * count) is not None) is said


def test_a_drift_is_told_with_its_interval() -> None:
    assert told(None, "MB") == "too few points for a drift"
    found = drift(list(range(10)), [float(value) for value in range(100, 110)])
    assert told(found, "MB") == "100 to 109 MB, drifts: +60 MB an hour [+60, +60]"
