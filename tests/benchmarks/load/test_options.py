"""The command line of all measurements: what makes no sense is refused, and the rest becomes a measurement."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.load.given import target
from tests.benchmarks.load.peers import pages
from tests.benchmarks.load.senders import answering, in_threads
from tests.benchmarks.report.written import measurement
from torchferry.arguments import Parser
from torchferry.benchmarks.load.options import (
    add_sending,
    add_target,
    check,
    check_limit,
    measure_closed,
    measure_open,
    refuse_a_rate_too_high,
    target_of,
)
from torchferry.benchmarks.load.worker import Shift
from torchferry.errors import UserError


def options(*words: object, url: str = "http://127.0.0.1:1") -> Any:
    parser = Parser()
    add_target(parser)
    add_sending(parser, seconds=2)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--connections", type=int)
    parser.add_argument("--p99-ms", type=float, default=50)
    parser.add_argument("--resolution", type=float, default=0.05)
    return parser.parse_args([url, "--model", "planted", "--input", "random", *map(str, words)])


def test_what_is_left_out_has_its_usual_value() -> None:
    found = options()
    check(found)
    check_limit(found)
    assert (found.protocol, found.arrivals, found.seconds, found.warmup) == ("predictions", "poisson", 2, 1)
    assert (found.batch, found.timeout, found.processes, found.cpus, found.output) == (1, 30, None, (), None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate", 0.0), ("seconds", 0.0), ("timeout", -1.0), ("connections", 0), ("processes", 0), ("batch", -3)],
)
def test_a_number_that_is_too_small_is_named(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"--{name}: {value} is too small; give a number above 0"):
        check(options(f"--{name}={value}"))


def test_only_the_warm_up_may_be_zero() -> None:
    check(options("--warmup", 0))
    with pytest.raises(UserError, match=r"--warmup: -1\.0 is too small"):
        check(options("--warmup=-1"))


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--seconds", "nan"), "nan is not a finite number"),
        (("--timeout", "inf"), "inf is not a finite number"),
        (("--cpus", "a"), "'a' is not a list of cores, such as 0,1"),
        (("--cpus", "100000"), "this process may not use core 100000"),
        (("--protocol", "soap"), "invalid choice: 'soap'"),
        (("--arrivals", "never"), "invalid choice: 'never'"),
    ],
)
def test_a_word_that_means_nothing_is_refused(words: tuple[str, str], refusal: str) -> None:
    with pytest.raises(UserError, match=refusal):
        options(*words)


def test_cores_are_those_that_this_process_may_use() -> None:
    cores = sorted(os.sched_getaffinity(0))
    assert options("--cpus", ",".join(map(str, cores))).cpus == tuple(cores)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--p99-ms", 0), "--p99-ms: 0.0 is too small; give more than 0"),
        (("--resolution", 0.0009), "--resolution: 0.0009 is too small; give 0.001 or more"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(words: tuple[object, ...], refusal: str) -> None:
    with pytest.raises(UserError, match=refusal):
        check_limit(options(*words))


def test_a_target_is_made_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"body")
    words = ("--model-version", "3", "--header", "X-Token: secret", "--input", tmp_path / "body")
    with pages({"/predictions/planted/3": b"answer"}) as (url, heard):
        made = target_of(options(*words, url=url))
    assert (made.protocol, made.model, made.answer_bytes) == ("predictions", "planted", len("answer"))
    assert [(request.body, request.headers["X-Token"]) for request in heard if request.body] == [(b"body", "secret")]


def test_an_open_loop_goes_on_from_the_warm_up_into_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Shift] = []
    in_threads(monkeypatch, answering(seen=seen))
    found = measure_open(target(), 50, options("--arrivals", "constant", "--timeout", 7))
    (shift,) = seen
    assert shift.arrivals is not None
    assert shift.arrivals.tolist() == pytest.approx([number / 50 for number in range(150)])
    assert shift.timeout == 7
    assert (found.requests, found.errors, found.offered_rate, found.void) == (100, 0, 50, None)


@pytest.mark.parametrize(
    ("words", "method", "processes"), [((), None, 1), ((), "/s/m", 2), (("--processes", 3), None, 3)]
)
def test_there_are_as_many_processes_as_the_rate_needs(
    monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...], method: str | None, processes: int
) -> None:
    seen: list[Shift] = []
    in_threads(monkeypatch, answering(seen=seen))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    measure_open(target(method=method), 3000, options("--seconds", 0.1, "--warmup", 0, *words))
    assert len(seen) == processes


def test_a_closed_loop_sends_from_one_process_for_warm_up_and_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Shift] = []
    in_threads(monkeypatch, answering(seen=seen))
    found = measure_closed(target(), 5, options("--warmup", 0.5))
    assert [(shift.connections, shift.seconds, shift.arrivals) for shift in seen] == [(5, 2.5, None)]
    assert (found.loop, found.connections) == ("closed", 5)


def test_more_requests_than_fit_are_refused_before_they_are_made() -> None:
    with pytest.raises(UserError, match=r"--rate: 1e\+12 a second is more than 50,000,000 requests in all; give less"):
        measure_open(target(), 1e12, options())


def test_a_rate_that_the_generator_cannot_send_is_refused() -> None:
    late = "the generator itself was 9.0 ms late at p99"
    kept_up, behind = measurement(50, void=late), measurement(50, void=late, achieved_rate=20.0)
    for result, also_late in ((kept_up, True), (behind, True), (behind, False)):
        with pytest.raises(UserError, match=f"--rate: 50 a second is void: {late}; ask for less"):
            refuse_a_rate_too_high(result, also_late=also_late)
    refuse_a_rate_too_high(kept_up, also_late=False)
    refuse_a_rate_too_high(measurement(50))
    refuse_a_rate_too_high(measurement(50, void="nothing was sent after the warm-up"))
