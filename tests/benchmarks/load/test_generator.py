"""The load generator shares a schedule among sender processes, merges their records and reports one that fails."""

import math
from array import array
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.load.given import target
from tests.benchmarks.load.senders import answering, in_threads
from tests.waiting import wait_until
from torchferry.benchmarks.load.generator import Load, Senders, offer_closed, offer_open
from torchferry.benchmarks.load.worker import Records, Shift
from torchferry.errors import ServerFault, UserError

ARRIVALS = np.array([0.0, 0.1, 0.2, 0.3, 0.4])


def senders(processes: int, connections: int = 8) -> Senders:
    return Senders(processes=processes, connections=connections, cpus=(), timeout=3)


def offered(processes: int, arrivals: Sequence[float] | np.ndarray = ARRIVALS, **changes: Any) -> Load:
    return offer_open(target(), np.array(arrivals), senders(processes, **changes), lambda *_: None)


def test_processes_take_turns_at_the_arrivals_and_share_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Shift] = []
    in_threads(monkeypatch, answering(seen=seen))
    load = offered(2, connections=5)
    shares = sorted(shift.arrivals.tolist() for shift in seen if shift.arrivals is not None)
    assert shares == [[0.0, 0.2, 0.4], [0.1, 0.3]]
    assert [shift.connections for shift in seen] == [3, 3]
    assert {shift.timeout for shift in seen} == {3}
    np.testing.assert_allclose(load.intended, ARRIVALS)
    np.testing.assert_allclose(load.latency, 0.002)


def test_no_process_is_started_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Shift] = []
    in_threads(monkeypatch, answering(seen=seen))
    assert len(offered(4, [0.0, 0.1]).cpu_seconds) == 2
    offer_closed(target(), 1, senders(4, connections=3), lambda *_: None)
    assert len(seen) == 2 + 3


def test_a_closed_loop_keeps_exactly_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Shift] = []
    in_threads(monkeypatch, answering(seen=seen))
    offer_closed(target(), 7, senders(3, connections=8), lambda *_: None)
    assert sorted(shift.connections for shift in seen) == [2, 3, 3]
    assert {(shift.arrivals is None, shift.seconds) for shift in seen} == {(True, 7)}


def test_outcomes_and_stages_of_all_processes_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process fails, the second answers; each has a number of its own for what happened."""

    def send(shift: Shift, pipe: Connection, *_: Any) -> None:
        pipe.send("ready")
        start = pipe.recv()
        assert shift.arrivals is not None
        first = shift.arrivals[0] == 0
        times = array("d", shift.arrivals + start)
        pipe.send(
            Records(
                intended=times,
                sent=array("d", shift.arrivals + start + 0.001),
                answered=array("d", [math.nan] * len(times)) if first else times,
                outcome=array("h", [2] * len(times)),
                outcomes=["no answer", "ok", "HTTP 503"] if first else ["no answer", "timeout", "ok"],
                stages={"queue": (30.0, 10)} if first else {"queue": (30.0, 5), "inference": (8.0, 4)},
                starved=1,
                hopeless=first,
                seconds=2 if first else 3,
            )
        )

    in_threads(monkeypatch, send)
    load = offered(2)
    assert [load.outcomes[number] for number in load.outcome] == ["HTTP 503", "ok", "HTTP 503", "ok", "HTTP 503"]
    assert np.isnan(load.latency).tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(load.lag, 0.001, atol=1e-6)
    assert load.stages == {"queue": 4.0, "inference": 2.0}
    assert (load.starved, load.hopeless, load.seconds) == (2, True, 3)
    assert load.interruption is None


def test_a_process_that_cannot_go_on_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    in_threads(monkeypatch, lambda _, pipe, *__: pipe.send(RuntimeError("OSError: no more files")))
    with pytest.raises(UserError, match="the load generator cannot go on: OSError: no more files"):
        offered(1)


def test_a_process_that_is_killed_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    in_threads(monkeypatch, lambda *_: None)
    with pytest.raises(ServerFault, match="a process of the load generator was killed"):
        offered(1)


def test_an_interruption_stops_the_processes_and_forgets_what_was_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    def send(_: Shift, pipe: Connection, board: Any, stop: Any) -> None:
        pipe.send("ready")
        start = pipe.recv()
        board[:] = 2, 1
        wait_until(lambda: bool(stop.value))
        times = array("d", [start, start + 0.1])
        pipe.send(
            Records(intended=times, sent=times, answered=array("d", [start + 1, math.nan]), outcome=array("h", [1, 0]))
        )

    def interrupt(_: float, sent: int, ended: int) -> None:
        if sent:
            told.append((sent, ended))
            raise KeyboardInterrupt

    in_threads(monkeypatch, send)
    load = offer_open(target(), ARRIVALS, senders(1), interrupt)
    assert told == [(2, 1)]
    assert isinstance(load.interruption, KeyboardInterrupt)
    np.testing.assert_allclose(load.latency, [1])
    assert [load.outcomes[number] for number in load.outcome] == ["ok"]
