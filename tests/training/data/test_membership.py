"""A sample is held out or not by its own key and the split's seed alone."""

import numpy as np
import pytest

from torchferry.training.data.membership import held_out

KEYS = np.random.default_rng(0).integers(0, 2**64, 50_000, dtype=np.uint64)


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.9])
def test_about_the_fraction_is_held_out(fraction: float) -> None:
    assert held_out(KEYS, fraction, 7).mean() == pytest.approx(fraction, abs=0.01)


def test_more_samples_move_none_to_the_other_side() -> None:
    assert np.array_equal(held_out(KEYS[:100], 0.2, 1), held_out(KEYS, 0.2, 1)[:100])


def test_keys_that_follow_each_other_are_spread_too() -> None:
    assert held_out(np.arange(50_000, dtype=np.uint64), 0.2, 0).mean() == pytest.approx(0.2, abs=0.01)


def test_a_larger_fraction_keeps_what_was_held_out() -> None:
    assert held_out(KEYS, 0.3, 5)[held_out(KEYS, 0.2, 5)].all()


def test_another_seed_is_another_split() -> None:
    both = held_out(KEYS, 0.5, 1) & held_out(KEYS, 0.5, 2)
    assert both.mean() == pytest.approx(0.25, abs=0.02)


def test_nothing_is_held_out_of_a_fraction_of_0_and_everything_of_1() -> None:
    assert not held_out(KEYS, 0.0, 3).any()
    assert held_out(KEYS, 1.0, 3).all()


def test_the_split_is_that_of_earlier_versions() -> None:
    """Or samples would change sides under a run that goes on."""
    assert np.flatnonzero(held_out(np.arange(40, dtype=np.uint64), 0.2, 42)).tolist() == [
        11,
        12,
        13,
        15,
        18,
        31,
        35,
        39,
    ]
