"""A sample's randomness is a function of seed, epoch and sample, and leaves everybody else's alone."""

import contextlib
import random

import numpy as np
import pytest
import torch

from torchferry.training.data.seeding import OwnRandomness, seeded, uniforms


def draw() -> tuple[float, float, float]:
    """The next number of each generator."""
    return random.random(), np.random.rand(), torch.rand(1).item()


def set_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def test_uniforms_fill_their_range_evenly() -> None:
    drawn = uniforms(1, 2, np.arange(50_000), 2)
    counts = torch.histc(drawn[:, 0], 10, 0, 1)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert (counts - 5000).abs().max() < 300
    assert abs(torch.corrcoef(drawn.T)[0, 1]) < 0.02


def test_the_numbers_are_those_that_older_checkpoints_were_trained_with() -> None:
    assert uniforms(1, 2, np.array([0, 10**12]), 2).tolist() == pytest.approx(
        np.array([[0.55797070, 0.30736321], [0.37609285, 0.20248139]])
    )
    with seeded(1, 2, 3):
        assert draw() == pytest.approx((0.21254818832695688, 0.26096300616991275, 0.8065298795700073))


def test_uniforms_depend_on_the_sample_and_not_on_its_batch() -> None:
    whole = uniforms(1, 2, np.arange(10), 3)
    assert (whole.dtype, whole.shape) == (torch.float32, (10, 3))
    assert torch.equal(uniforms(1, 2, np.array([7, 3]), 3), whole[[7, 3]])
    assert torch.equal(uniforms(1, 2, np.arange(10), 1), whole[:, :1])
    others = [uniforms(2, 1, np.arange(10), 3), uniforms(1, 3, np.arange(10), 3), uniforms(2, 2, np.arange(10), 3)]
    assert not any(torch.isin(other, whole).any() for other in others)


def test_seeded_is_the_same_each_time_and_differs_by_all_three() -> None:
    drawn = []
    for key in ((1, 2, 3), (1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3)):
        with seeded(*key):
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 5


def test_seeded_leaves_the_generators_as_they_were_also_after_an_error() -> None:
    set_all(5)
    expected = [draw(), draw(), draw()]
    set_all(5)
    found = [draw()]
    with seeded(1, 2, 3):
        draw()
    found.append(draw())
    with contextlib.suppress(OSError), seeded(1, 2, 3):
        draw()
        raise OSError
    found.append(draw())
    assert found == expected


def test_own_randomness_goes_on_where_it_was_and_leaves_the_others_alone() -> None:
    with seeded(1, 2, 0):
        expected = [draw(), draw(), draw()]
    set_all(5)
    around = [draw(), draw(), draw()]
    set_all(5)
    own, found, left = OwnRandomness(1, 2), [], []
    for _ in range(2):
        left.append(draw())
        with own.used():
            found.append(draw())
    with contextlib.suppress(OSError), own.used():
        found.append(draw())
        raise OSError
    left.append(draw())
    assert (found, left) == (expected, around)
