"""The measured time in parts of a second or more; each request is in exactly one."""

import math

import numpy as np
import pytest

from tests.benchmarks.load.test_measurement import load
from torchferry.benchmarks.load.window import windows


def test_each_window_has_what_was_due_in_it() -> None:
    latency = np.array([0.01] * 100 + [0.02] * 100 + [0.03] * 100)
    latency[150:160] = math.nan
    found = windows(load(latency), warmup=1)
    assert [(window.requests, window.errors) for window in found] == [(100, 10), (100, 0)]
    assert [window.start for window in found] == pytest.approx([0, 1], abs=0.01)
    assert [window.seconds for window in found] == pytest.approx([1, 1], abs=0.01)
    assert [window.p50_ms for window in found] == pytest.approx([20, 30])


def test_percentiles_are_of_good_answers_and_none_without_one() -> None:
    latency = [math.nan] * 50 + [value / 1000 for value in range(50)]
    (both,) = windows(load(latency), warmup=0)
    assert (both.p50_ms, both.p99_ms) == pytest.approx((24.5, 48.51))
    (bad,) = windows(load([math.nan] * 50), warmup=0)
    assert (bad.requests, bad.errors, bad.p50_ms, bad.p99_ms) == (50, 50, None, None)


@pytest.mark.parametrize(("seconds", "count"), [(0.2, 1), (1.2, 1), (1.8, 2), (60, 60), (300, 60)])
def test_a_window_is_a_second_or_a_sixtieth_of_the_time(seconds: float, count: int) -> None:
    latency = np.full(round(seconds * 10), 0.01)
    found = windows(load(latency, rate=10), warmup=0)
    assert len(found) == count
    assert sum(window.requests for window in found) == len(latency)


def test_a_time_without_requests_is_a_window_too() -> None:
    gap = load([0.01] * 3, intended=np.array([0.0, 0.1, 3.0]))
    assert [window.requests for window in windows(gap, warmup=0)] == [2, 0, 1]


def test_nothing_after_the_warm_up_is_no_window() -> None:
    assert windows(load([0.01] * 100), warmup=5) == []
