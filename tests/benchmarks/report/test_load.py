"""Measured loads as curves: their names, their order, and the load that speaks for each."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from tests.benchmarks.report.written import measurement
from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.report.load import Curve, Load, curves
from torchferry.benchmarks.report.source import Result
from torchferry.errors import UserError


def result(verb: str, results: object, path: str = "") -> Result:
    return Result(path=Path(path or f"{verb}.json"), verb=verb, content={"results": results}, figures={})


def sweep(*loads: Measurement, path: str = "") -> Result:
    return result("sweep", [asdict(load) for load in loads], path)


def curve(*loads: Measurement) -> Curve:
    (made,) = curves([sweep(*loads)])
    return made


def load(**change: Any) -> Load:
    return curve(measurement(50, **change)).loads[0]


def test_loads_are_sorted_by_their_rate() -> None:
    made = curve(measurement(200), measurement(50), measurement(100))
    assert [found.rate for found in made.loads] == [50, 100, 200]
    assert (made.name, made.file) == ("torchferry 0.1.0, digits, rest-binary", "sweep.json")


@pytest.mark.parametrize(
    ("verb", "results", "rates"),
    [
        ("latency", asdict(measurement(50)), [50]),
        (
            "slo",
            {"probes": [[asdict(measurement(80))], [asdict(measurement(60)), asdict(measurement(70))]]},
            [60, 70, 80],
        ),
        ("soak", {"measurement": asdict(measurement(90))}, [90]),
        ("sweep", [], []),
    ],
)
def test_each_verb_keeps_its_measurements_where_it_does(verb: str, results: object, rates: list[float]) -> None:
    (made,) = curves([result(verb, results)])
    assert [found.rate for found in made.loads] == rates
    assert (made.name == "nothing measured") == (not rates)


def test_equal_names_are_told_apart_by_their_files() -> None:
    made = curves([sweep(measurement(50), path="a/one.json"), sweep(measurement(50), path="two.json")])
    assert [found.name.rpartition(", ")[2] for found in made] == ["one.json", "two.json"]
    made = curves([sweep(measurement(50), path=f"{folder}/one.json") for folder in "ab"])
    assert [found.name.rpartition(", ")[2] for found in made] == ["a/one.json", "b/one.json"]


def test_the_best_load_is_the_highest_that_counts_and_was_kept() -> None:
    void, behind = {"void": "the generator was late"}, {"saturated": True}
    made = curve(measurement(50), measurement(100), measurement(200, **behind), measurement(300, **void))
    assert made.best is made.loads[1]
    all_behind = curve(measurement(100, **behind), measurement(200, **behind))
    assert all_behind.best is all_behind.loads[0]
    assert curve(measurement(50, **void), measurement(60, requests=3, errors=3)).best is None


def test_a_load_says_what_was_asked_and_what_it_is_worth() -> None:
    assert curve(measurement(1234.5)).loads[0].asked == "1,234.5/s"
    assert curve(measurement(None)).loads[0].asked == "closed, 4 connections"
    assert load().mark is None
    assert load(saturated=True).mark == "saturated"
    assert load(saturated=True, void="late").mark == "void"


def test_nothing_answered_well_has_no_latency() -> None:
    found = load(requests=10, errors=10, histogram="")
    assert (found.percentiles, found.stages, found.distribution) == ({}, {}, ())


def test_the_distribution_goes_from_the_quickest_to_the_slowest_request() -> None:
    histogram = HdrHistogram(1, 600_000_000, 3)
    for milliseconds in range(1, 101):
        histogram.record_value(1000 * milliseconds)
    found = load(requests=100, histogram=histogram.encode().decode()).distribution
    assert (found[0].x, round(found[0].y), found[-1].x, round(found[-1].y)) == (0, 1, 2, 100)
    assert [round(point.y) for point in found if round(point.x, 3) == 0.301] == [50]
    assert [(point.x, point.y) for point in found] == sorted((point.x, point.y) for point in found)


@pytest.mark.parametrize("change", [{"histogram": "HISTFAAA"}, {"percentiles_ms": {"p50": 1.0}}, {"outcomes": [1]}])
def test_a_measurement_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"sweep\.json: is not as this version of torchferry writes it"):
        curves([sweep(measurement(50, **change))])
