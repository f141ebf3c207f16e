"""Arrivals come at the rate asked for, and are the same in every run."""

import numpy as np
import pytest

from torchferry.benchmarks.load.arrivals import ARRIVALS, constant, poisson


def test_constant_arrivals_are_evenly_spaced_from_the_start() -> None:
    times = constant(rate=50, seconds=2)
    assert len(times) == 100
    assert times[0] == 0
    np.testing.assert_allclose(np.diff(times), 0.02)


def test_the_gaps_of_poisson_arrivals_are_exponential() -> None:
    times = poisson(rate=1000, seconds=10)
    gaps = np.diff(times)
    assert len(times) == 10_000
    np.testing.assert_allclose([gaps.mean(), gaps.std()], 0.001, rtol=0.05)
    assert (gaps >= 0).all()
    assert 0 <= times[0] < times[-1] < 10


def test_only_another_seed_gives_other_poisson_arrivals() -> None:
    assert (poisson(5, 1) == poisson(5, 1)).all()
    assert (poisson(5, 1) != poisson(5, 1, seed=1)).all()


@pytest.mark.parametrize("name", ["poisson", "constant"])
def test_a_rate_of_less_than_one_still_sends_one(name: str) -> None:
    assert len(ARRIVALS[name](0.1, 1)) == 1
