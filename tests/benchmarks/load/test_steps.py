"""The search for a rate asks little, trusts no measurement that the generator spoiled, and ends where it should."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from tests.benchmarks.report.written import measurement
from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.load.steps import MOST_DOUBLINGS, fair, highest, holds, rising


class Outcome:
    """As much of a measurement as the search looks at."""

    saturated = void = errors = interrupted = None
    requests = 1

    def __init__(self, p99: float, **changes: Any) -> None:
        self.percentiles_ms = {"p99": p99}
        vars(self).update(changes)


def asking(outcome: Callable[[float], Outcome]) -> tuple[Any, list[float]]:
    """A probe, and the rates that it was asked for."""
    asked: list[float] = []

    def probe(rate: float) -> Any:
        asked.append(rate)
        return outcome(rate)

    return probe, asked


@pytest.mark.parametrize("limit", [0.7, 50, 130, 3000])
def test_the_search_ends_at_the_limit(limit: float) -> None:
    probe, asked = asking(lambda rate: Outcome(rate / 10))
    rate, probes = highest(probe, 50, limit / 10, 0.05)
    assert limit / 1.06 < rate <= limit
    assert len(probes) == len(asked) < 16


def test_the_search_doubles_or_halves_and_then_goes_between() -> None:
    probe, asked = asking(lambda rate: Outcome(rate))
    assert highest(probe, 50, 150, 0.2)[0] == pytest.approx(100 * 2**0.5)
    assert asked == pytest.approx([50, 100, 200, 100 * 2**0.5, 100 * 2**0.75])
    probe, asked = asking(lambda rate: Outcome(rate))
    assert highest(probe, 100, 30, 1)[0] == 25
    assert asked == [100, 50, 25]


@pytest.mark.parametrize(("p99", "found"), [(1000, 0), (1, 2.0**MOST_DOUBLINGS)])
def test_a_search_without_an_end_is_given_up(p99: float, found: float) -> None:
    probe, asked = asking(lambda _: Outcome(p99))
    assert highest(probe, 1, 100, 0.05)[0] == found
    assert len(asked) == 1 + MOST_DOUBLINGS


@pytest.mark.parametrize("at", [1, 2, 4])
def test_an_interruption_ends_the_search(at: int) -> None:
    count = iter(range(1, 99))
    probe, _ = asking(lambda rate: Outcome(rate, interrupted=130 if next(count) == at else None))
    assert len(highest(probe, 50, 150, 0.01)[1]) == at


def test_a_late_generator_is_no_excuse_and_no_fault() -> None:
    good = measurement(50, void="the generator itself was 9.0 ms late at p99")
    assert holds(good, 1000)
    assert not holds(good, 0.1)
    assert not holds(replace(good, errors=1), 1000)
    assert not holds(replace(good, requests=0), 1000)
    assert not holds(replace(good, saturated=True), 1000)


def test_a_rate_that_the_generator_spoiled_is_asked_once_more() -> None:
    asked: list[float] = []
    good = measurement(50)
    late = replace(good, void="the generator itself was 9.0 ms late at p99")

    def outcomes(*results: Measurement) -> int:
        """How often it was asked."""
        asked.clear()
        left = iter(results)

        def probe(rate: float) -> Measurement:
            asked.append(rate)
            return next(left)

        assert fair(probe, 0.1)(50) is results[-1]
        return len(asked)

    assert outcomes(late, good) == 2
    assert outcomes(late, late) == 2
    assert outcomes(good) == 1
    assert outcomes(replace(late, saturated=True)) == 1
    assert outcomes(replace(late, errors=1)) == 1
    assert outcomes(replace(late, interrupted=130)) == 1
    assert outcomes(replace(late, percentiles_ms={"p99": 0.05})) == 1


@pytest.mark.parametrize("lost", [{"saturated": True}, {"void": "a reason"}, {"errors": 1}, {"interrupted": 130}])
def test_rates_rise_to_the_first_that_is_lost(lost: dict[str, Any]) -> None:
    probe, asked = asking(lambda rate: Outcome(1, **(lost if rate >= 45 else {})))
    assert len(list(islice(rising(probe, 5, 3), 9))) == 3
    assert asked == [5, 15, 45]


def test_rates_rise_only_as_they_are_asked_for() -> None:
    probe, asked = asking(lambda _: Outcome(1))
    assert len(list(islice(rising(probe, 1, 10), 4))) == 4
    assert asked == [1, 10, 100, 1000]
