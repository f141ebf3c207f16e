"""The record of a search for settings: probes, verdicts, times and the best point so far."""

import time
from typing import Any

import pytest

from tests.benchmarks.tune.landscape import POINT, space
from torchferry.benchmarks.tune.evidence import Champion, Entry, Evidence, Probe


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "p99 12.5 ms"),
        ({"p99_ms": 1234.5}, "p99 1.23e+03 ms"),
        ({"saturated": True}, "p99 12.5 ms, it falls behind"),
        ({"saturated": True, "errors": 1200}, "1,200 errors"),
        ({"errors": 3, "void": "nothing was sent"}, "nothing was sent"),
    ],
)
def test_a_probe_says_the_worst_of_it(change: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {"rate": 50, "holds": False, "p99_ms": 12.5, "achieved": 50}
    given |= {"saturated": False, "errors": 0, "void": None}
    assert Probe(**given | change).says == says


def test_a_point_is_judged_by_what_was_confirmed() -> None:
    entry = Entry(point=POINT, name="x")
    assert (entry.verdict, entry.bound, entry.highest, entry.rates) == ("untried", 0, 0, [0])
    entry.capacity, entry.rate = 900.0, 700.0
    assert (entry.bound, entry.highest, entry.rates) == (900, 700, [700])
    entry.confirmed = [680.0, 690.0]
    assert (entry.highest, entry.rates) == (700, [680, 690])


def test_a_verdict_is_told_with_its_time_and_counted(clock: Clock) -> None:
    told: list[str] = []
    points = space(("fp32",))
    evidence = Evidence(points, told.append)
    clock.now += 12.34
    evidence.settle(points[0], "pruned", "too slow")
    assert told == [f"   12.3 s  {points[0]}: pruned, too slow"]
    assert (evidence.count("pruned"), evidence.count("untried")) == (1, len(points) - 1)
    assert (evidence.entries[points[0]].verdict, evidence.entries[points[0]].why) == ("pruned", "too slow")


def test_the_time_of_a_try_is_the_points_also_where_it_fails(clock: Clock) -> None:
    evidence = Evidence([POINT], lambda _: None)
    with evidence.trying(POINT):
        clock.now += 2

    def fail() -> None:
        with evidence.trying(POINT):
            clock.now += 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert evidence.entries[POINT].seconds == 5


def test_each_best_is_kept_with_its_time(clock: Clock) -> None:
    evidence = Evidence([POINT], lambda _: None)
    entry = evidence.entries[POINT]
    entry.rate = 700.0
    clock.now += 4
    evidence.crown(entry)
    assert evidence.course == [Champion(seconds=4, name=str(POINT), rate=700)]
