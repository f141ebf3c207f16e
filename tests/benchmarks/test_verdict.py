"""Faster, slower or neither, from planted figures."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pytest

from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.verdict import LEAST, Verdict, judge

NOISE = np.random.default_rng(0).normal(10, 0.3, size=30)
OTHER = np.random.default_rng(2).normal(10, 0.3, size=30)
Better = Literal["lower", "higher"]


def verdict(old: Iterable[float], new: Iterable[float], better: Better = "lower", figures: int = 1) -> Verdict:
    """Where so many figures are judged together."""
    names = [f"figure {number}" for number in range(figures)]
    before, after = Figure(better=better, values=list(old)), Figure(better=better, values=list(new))
    return judge(dict.fromkeys(names, before), dict.fromkeys(names, after), 0.95)["figure 0"]


@pytest.mark.parametrize(
    ("factor", "better", "says", "worse_by"),
    [
        (1.2, "lower", "slower", 0.2),
        (1.2, "higher", "faster", -0.2),
        (0.8, "higher", "slower", 0.2),
        (0.8, "lower", "faster", -0.2),
        (1.0, "lower", "no difference", 0.0),
    ],
)
def test_it_says_faster_slower_or_no_difference(factor: float, better: Better, says: str, worse_by: float) -> None:
    found = verdict(NOISE, OTHER * factor, better)
    assert (found.says, found.pairs) == (says, 30)
    assert found.worse_by == pytest.approx(worse_by, abs=0.03)


def test_a_pair_shares_its_conditions() -> None:
    # Both doubled over time, as on a machine that got busy; in every pair the new one is slower by a tenth.
    course = np.linspace(10, 20, 30)
    found = verdict(course, course * 1.1)
    assert found.says == "slower"
    assert str(found.ratio) == "1.100 [1.100, 1.100]"
    assert found.confidence == 1


def test_of_many_figures_each_has_to_be_surer() -> None:
    one, many = verdict(NOISE, OTHER).ratio, verdict(NOISE, OTHER, figures=10).ratio
    assert one
    assert many
    assert many.low < one.low < one.median == many.median < one.high < many.high


def test_pairs_that_are_too_few_say_nothing() -> None:
    few = Verdict(says="too few", pairs=LEAST - 1, ratio=None, confidence=0.0, worse_by=0.0)
    assert verdict([1.0] * (LEAST - 1), [9.0] * 100) == few
    assert verdict([1.0] * LEAST, [9.0] * 100).says == "slower"
    # A ratio to nothing is none.
    assert verdict([0.0, *[1.0] * (LEAST - 1)], [9.0] * LEAST) == few


def test_a_figure_that_only_one_has_is_left_out() -> None:
    figure = Figure(better="lower", values=[1.0] * LEAST)
    assert judge({"a": figure, "b": figure}, {"b": figure, "c": figure}, 0.95).keys() == {"b"}
    assert judge({"a": figure}, {}, 0.95) == {}
