"""The search for the highest rate that holds."""

import pytest

from torchferry.benchmarks.tune.climb import WIDENINGS, Holds, climb, highest


def up_to(limit: float, asked: list[float]) -> Holds:
    def holds(rate: float) -> bool:
        asked.append(rate)
        return rate <= limit

    return holds


@pytest.mark.parametrize("first", [1, 60, 99, 101, 200, 1000])
def test_a_search_finds_the_highest_rate_from_anywhere(first: float) -> None:
    asked: list[float] = []
    found = highest(up_to(100, asked), first, 0.05)
    assert 95 <= found <= 100
    assert found in asked
    assert len(asked) <= 16


def test_a_search_gives_up_where_nothing_holds() -> None:
    asked: list[float] = []
    assert highest(up_to(0, asked), 100, 0.05) == 0
    assert len(asked) == 1 + WIDENINGS
    assert 100 / 23 < min(asked) < 100 / 21


def test_a_climb_does_not_ask_again_for_what_holds() -> None:
    asked: list[float] = []
    assert climb(up_to(100, asked), 99, 0.05) == 99
    assert asked == [pytest.approx(103.95)]


def test_steps_double_and_the_last_one_is_searched() -> None:
    asked: list[float] = []
    assert climb(up_to(1.5**3, asked), 1, 0.5) == pytest.approx(1.5**3)
    assert asked == pytest.approx([1.5, 1.5**3, 1.5**7, 1.5**5, 1.5**4])
