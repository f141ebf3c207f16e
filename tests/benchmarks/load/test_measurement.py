"""The figures of a load are those of what was due after the warm-up, and a load that was not offered has none."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from tests.benchmarks.load.given import target
from torchferry.benchmarks.load.generator import Load
from torchferry.benchmarks.load.measurement import Measurement, figures, measurement, with_stages

NO_ANSWER, OK, BUSY = 0, 1, 2


def load(latency: Sequence[float] | np.ndarray, *, rate: float = 100, **changes: Any) -> Load:
    """One request each 1 / rate, sent on time; NaN is an error."""
    found = np.asarray(latency, float)
    made = Load(
        intended=np.arange(len(found)) / rate,
        latency=found,
        lag=np.zeros(len(found)),
        outcome=np.where(np.isnan(found), BUSY, OK),
        outcomes=["no answer", "ok", "HTTP 503"],
        stages={},
        starved=0,
        hopeless=False,
        cpu_seconds=[0.1, 0.2],
        seconds=max(1.0, len(found) / rate),
        interruption=None,
    )
    return replace(made, **changes)


def measured(given: Load, *, rate: float | None = 100, warmup: float = 0) -> Measurement:
    return measurement(given, target(), rate, 4, warmup)


def test_only_what_was_due_after_the_warm_up_counts() -> None:
    found = measured(load([5.0] * 100 + [0.01] * 300), warmup=1)
    assert (found.requests, found.errors, found.outcomes) == (300, 0, {"ok": 300})
    assert found.percentiles_ms == pytest.approx({"p50": 10, "p90": 10, "p99": 10, "p99.9": 10}, rel=1e-3)
    assert found.max_ms == found.mean_ms == pytest.approx(10)
    assert sum(window.requests for window in found.windows) == 300


def test_percentiles_and_the_histogram_are_of_good_answers_alone() -> None:
    latency = [0.001] * 170 + [0.002] * 20 + [0.1] * 10 + [math.nan] * 10
    found = measured(load(latency))
    assert (found.requests, found.errors, found.outcomes) == (210, 10, {"ok": 200, "HTTP 503": 10})
    assert found.percentiles_ms == pytest.approx({"p50": 1, "p90": 2, "p99": 100, "p99.9": 100}, rel=1e-3)
    assert HdrHistogram.decode(found.histogram).get_total_count() == 200


def test_a_latency_outside_the_histogram_is_counted_at_its_edge() -> None:
    found = HdrHistogram.decode(measured(load([0.0, 10_000.0])).histogram)
    assert found.get_total_count() == 2
    assert found.get_value_at_percentile(100) == pytest.approx(600_000_000, rel=1e-3)


def test_without_a_good_answer_there_is_no_latency() -> None:
    found = measured(load([math.nan] * 100))
    assert (found.requests, found.errors, found.achieved_rate) == (100, 100, 0)
    assert math.isnan(found.mean_ms)
    assert math.isnan(found.max_ms)


def test_the_answered_rate_is_that_of_good_answers_while_it_sends() -> None:
    latency = np.full(200, 0.02)
    latency[100:150] = np.nan
    found = measured(load(latency), warmup=0.5)
    # Due from 0.48 s on, which were answered after the warm-up; the last two are answered after the last is sent.
    assert found.achieved_rate == pytest.approx((200 - 48 - 50 - 2) / 1.49, rel=0.02)


def test_a_closed_loop_of_slow_answers_has_a_rate() -> None:
    slow = load([2.0, 2.0], intended=np.zeros(2))
    assert measured(slow, rate=None).achieved_rate == 1
    assert measured(slow, rate=2).achieved_rate == 0


def test_the_loop_says_which_of_rate_and_connections_was_asked_for() -> None:
    opened, closed = measured(load([0.01] * 9)), measured(load([0.01] * 9), rate=None)
    assert (opened.loop, opened.offered_rate, opened.connections) == ("open", 100, None)
    assert (closed.loop, closed.offered_rate, closed.connections) == ("closed", None, 4)


@pytest.mark.parametrize(
    ("changes", "rate", "words"),
    [
        ({}, 100, None),
        ({"lag": np.full(200, 0.0019)}, 100, None),
        ({"lag": np.full(200, 0.0021)}, 100, "the generator itself was 2.1 ms late at p99"),
        ({"lag": np.full(200, 0.015), "latency": np.full(200, 0.2)}, 100, None),
        ({"lag": np.full(200, 0.1), "latency": np.full(200, 2.0)}, 100, "the generator sent only 95.2% of the rate"),
        ({"lag": np.full(200, 0.1)}, None, None),
        ({"hopeless": True}, 100, "the generator cannot send at this rate"),
        ({"hopeless": True}, None, "the generator cannot send at this rate"),
        ({"cpu_seconds": [0.1, 1.96]}, 100, "a process of the generator was busy 98% of the time; give it more with"),
        ({"cpu_seconds": [0.1, 1.96]}, None, None),
        ({"intended": np.full(200, -1.0)}, 100, "nothing was sent after the warm-up"),
    ],
)
def test_a_load_that_was_not_offered_is_void(changes: dict[str, Any], rate: float | None, words: str | None) -> None:
    found = measured(replace(load([0.01] * 200), **changes), rate=rate)
    assert (found.void or "").startswith(words or "")
    assert (found.void is None) is (words is None)


def test_a_server_that_falls_behind_is_saturated() -> None:
    growing = load(np.linspace(0.01, 3, 400))
    assert measured(growing).saturated
    assert not measured(growing, rate=None).saturated
    assert not measured(load([0.5] * 400)).saturated  # slow, but no slower than at its beginning


def test_waiting_for_a_connection_or_for_an_answer_is_saturation_too() -> None:
    latency = np.array([0.01] * 300 + [math.nan] * 100)
    assert measured(load([0.01] * 400, starved=1)).saturated
    assert measured(load(latency, outcome=np.where(np.isnan(latency), NO_ANSWER, OK))).saturated
    assert not measured(load(latency)).saturated  # they were answered, although badly


def test_what_is_left_of_the_mean_is_the_networks() -> None:
    found = measured(load([0.01] * 100, stages={"queue": 1.0, "inference": 6.0}))
    assert found.stages_ms == pytest.approx({"queue": 1, "inference": 6, "network and client": 3})
    assert with_stages(found, {"inference": 2.0}).stages_ms == pytest.approx({"inference": 2, "network and client": 8})
    assert measured(load([0.01] * 100)).stages_ms == {}


@pytest.mark.parametrize(("error", "code"), [(None, None), (KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_an_interruption_is_told_by_its_exit_code(error: BaseException | None, code: int | None) -> None:
    assert measured(load([0.01] * 100, interruption=error)).interrupted == code


def test_figures_are_those_of_each_window_and_a_void_run_has_none() -> None:
    found = measured(load([0.01] * 100 + [math.nan] * 100 + [0.03] * 100))
    assert len(found.windows) == 3
    given = figures(found, " at 100/s")
    assert given["p50 ms at 100/s"].values == pytest.approx([10, 30])
    assert given["p99 ms at 100/s"].values == pytest.approx([10, 30])
    assert given["answered/s at 100/s"].values == pytest.approx([100, 0, 100], rel=0.02)
    assert [figure.better for figure in given.values()] == ["lower", "lower", "higher"]
    assert figures(replace(found, void="a reason")) == {}
