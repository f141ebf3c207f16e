"""Medians, and how sure they are."""

import numpy as np

from torchferry.benchmarks.interval import RESAMPLES, Interval, median_interval, paired_ratio, resampled_medians


def test_ratios_are_paired() -> None:
    ratio = paired_ratio([1.0, 10.0, 100.0], [2.0, 20.0, 200.0])
    assert (ratio.low, ratio.median, ratio.high) == (0.5, 0.5, 0.5)
    ratio = paired_ratio([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    assert ratio.low < ratio.median == 2 < ratio.high


def test_one_value_is_its_own_interval() -> None:
    assert median_interval([3.0]) == Interval(median=3.0, low=3.0, high=3.0)


def test_the_interval_leaves_out_what_seldom_is_the_median() -> None:
    found = median_interval([*range(1, 100), 1e9])
    assert 30 < found.low < found.median == 50.5 < found.high < 70


def test_the_resamples_are_the_same_in_every_run() -> None:
    medians = resampled_medians([1.0, 2.0, 4.0])
    assert medians.shape == (RESAMPLES,)
    assert set(medians) == {1.0, 2.0, 4.0}
    np.testing.assert_array_equal(medians, resampled_medians([1.0, 2.0, 4.0]))


def test_it_is_written_with_its_interval() -> None:
    assert str(Interval(median=1.5, low=1.25, high=2)) == "1.500 [1.250, 2.000]"
