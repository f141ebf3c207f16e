"""One point after the other, against servers of which every rate is known."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.benchmarks.tune.landscape import LIMIT, POINT, Landscape, of_cores, searched, space
from torchferry.benchmarks.tune.evidence import Evidence
from torchferry.benchmarks.tune.point import Point
from torchferry.benchmarks.tune.race import TRIES, Race

FIRST = replace(POINT, delay_ms=0)
OTHER = replace(FIRST, workers=1, threads=2)


def race_of(rates: Mapping[Point, float]) -> Race:
    """0 is the rate of a server that does not start."""
    return Race(Landscape(rates.__getitem__), Evidence(list(rates), lambda _: None), LIMIT, 0.05)


def test_the_first_is_measured_fully() -> None:
    race = race_of({FIRST: 1000})
    assert race.challenge(FIRST)
    assert race.best is race.evidence.entries[FIRST]
    assert race.best.verdict == "measured"
    assert 950 <= race.best.highest <= 1000
    assert race.best.bound == pytest.approx(1150)
    assert [step.rate for step in race.evidence.course] == [race.best.highest]


def test_a_challenger_is_out_unless_it_holds_a_step_more() -> None:
    race = race_of({FIRST: 1000, OTHER: 1000})
    assert race.challenge(FIRST)
    assert race.challenge(OTHER)
    out = race.evidence.entries[OTHER]
    assert race.best is race.evidence.entries[FIRST]
    assert (out.verdict, out.rate, len(out.probes)) == ("pruned", None, TRIES)
    assert out.why.startswith("does not hold 1,0")
    assert [probe.rate for probe in out.probes] == pytest.approx([1.05 * race.best.highest] * TRIES)


def test_a_challenger_that_holds_it_leads() -> None:
    race = race_of({FIRST: 1000, OTHER: 2000})
    assert race.challenge(FIRST)
    assert race.challenge(OTHER)
    assert race.best is race.evidence.entries[OTHER]
    assert 1900 <= race.best.highest <= 2000
    assert len(race.evidence.course) == 2


def test_a_server_that_does_not_start_says_so_and_changes_nothing() -> None:
    race = race_of({FIRST: 1000, OTHER: 0})
    assert race.challenge(FIRST)
    for ask in (race.bound, race.challenge, race.measure, race.again):
        assert not ask(OTHER)
    failed = race.evidence.entries[OTHER]
    assert (failed.verdict, failed.why, failed.probes) == ("failed", "it does not start", [])
    assert race.best is race.evidence.entries[FIRST]


def test_what_may_have_lost_by_chance_is_near() -> None:
    far = replace(OTHER, threads=1)
    race = race_of({FIRST: 1000, OTHER: 980, far: 500})
    for point in (FIRST, OTHER, far):
        assert race.challenge(point)
    entries = race.evidence.entries
    assert [entries[point].verdict for point in (FIRST, OTHER, far)] == ["measured", "pruned", "pruned"]
    assert race.nearest() == [entries[FIRST], entries[OTHER]]


def test_what_is_measured_again_is_asked_for_no_more_than_the_best() -> None:
    race = race_of({FIRST: 1000, OTHER: 3000})
    assert race.challenge(FIRST)
    assert race.best
    assert race.again(OTHER)
    assert race.evidence.entries[OTHER].confirmed == [race.best.highest]


def test_what_held_nothing_again_wins_nothing() -> None:
    race = race_of({FIRST: 1000})
    assert race.challenge(FIRST)
    entry = race.evidence.entries[FIRST]
    entry.confirmed = [0.0, 0.0, 900.0]
    race.win(entry)
    assert race.best is None


def test_what_had_lost_by_chance_is_measured_once_it_wins() -> None:
    race = searched(Landscape(of_cores), space()).race
    lost = next(entry for entry in race.evidence.entries.values() if entry.verdict == "pruned" and entry.probes)
    lost.confirmed = [720.0, 740.0]
    race.win(lost)
    assert race.best is lost
    assert (lost.verdict, lost.rate, lost.rates) == ("measured", 730, [720, 740])
