"""One process that sends: each request has an intended time, a time it was sent, and an end, or none."""

import asyncio
import copy
import math
import multiprocessing
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.load.given import target
from tests.benchmarks.load.peers import Talk, listening
from tests.serving.wire import SECONDS, in_loop
from torchferry.benchmarks.load.worker import Records, Shift, Worker

GOOD = b"HTTP/1.1 200 OK\r\nServer-Timing: queue;dur=0.5, inference;dur=2\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


class Stop:
    value = 0


def replying(*answers: bytes, stop: Stop | None = None, after: int = 10) -> Talk:
    """The answers in turn, over and over, whichever connection asks; none if it is empty. Sets `stop` after so many."""
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(1)
            writer.write(answers[asked % len(answers)] if answers else b"")
            asked += 1
            if stop and asked >= after:
                stop.value = 1

    return talk


async def worked(
    talk: Talk, *, arrivals: Sequence[float] | None, ago: float = 0, stop: Any = None, board: Any = None, **changes: Any
) -> tuple[Records, float]:
    """What became of each request, and the time of the start, which was `ago` seconds before."""
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        async with listening(talk) as url:
            usual: dict[str, Any] = {"connections": 2, "seconds": 0.0, "timeout": 30.0, "cpus": ()} | changes
            times = None if arrivals is None else np.array(arrivals, float)
            shift = Shift(target=target(url), arrivals=times, **usual)
            start = time.perf_counter() - ago
            ours.send(start)
            worker = Worker(shift, theirs, [0, 0] if board is None else board, stop or Stop())
            # A process sends them away now; here the connections that are still open end, and would add to them.
            records = copy.deepcopy(await asyncio.wait_for(worker.run(), SECONDS))
        assert ours.recv() == "ready"
    return records, start


@in_loop
async def test_an_open_loop_sends_each_request_when_it_is_due() -> None:
    board = [0, 0]
    records, start = await worked(replying(GOOD), arrivals=[0, 0.01, 0.02], connections=3, board=board)
    assert [time - start for time in records.intended] == pytest.approx([0, 0.01, 0.02])
    for intended, sent, answered in zip(records.intended, records.sent, records.answered, strict=True):
        assert intended <= sent <= answered
    assert [records.outcomes[number] for number in records.outcome] == ["ok"] * 3
    assert board == [3, 3]
    assert (records.starved, records.hopeless) == (0, False)
    assert records.seconds >= max(records.answered) - start


@in_loop
async def test_more_than_a_burst_that_is_due_at_once_is_sent() -> None:
    records, _ = await worked(replying(GOOD), arrivals=np.zeros(200).tolist(), connections=3)
    assert len(records.intended) == 200
    assert set(records.outcome) == {records.outcomes.index("ok")}
    assert records.starved == 197


@in_loop
async def test_what_became_of_each_is_kept_by_its_name() -> None:
    records, _ = await worked(replying(GOOD, BUSY), arrivals=[0, 0, 0, 0], connections=1)
    assert [records.outcomes[number] for number in records.outcome] == ["ok", "HTTP 503"] * 2
    assert [math.isnan(answered) for answered in records.answered] == [False, True] * 2
    assert records.stages == {"queue": (1.0, 2), "inference": (4.0, 2)}


@in_loop
async def test_a_request_without_an_answer_is_not_waited_for_beyond_the_timeout() -> None:
    records, _ = await worked(replying(), arrivals=[0], timeout=0.01)
    assert [records.outcomes[number] for number in records.outcome] == ["no answer"]
    assert math.isnan(records.answered[0])


@in_loop
async def test_a_rate_that_cannot_be_kept_is_given_up() -> None:
    records, _ = await worked(replying(GOOD), arrivals=[0, 1, 2], ago=10)
    assert records.hopeless
    assert len(records.intended) == 0


@in_loop
async def test_a_closed_loop_sends_again_when_an_answer_has_come() -> None:
    stop = Stop()
    talk = replying(GOOD, stop=stop)
    records, start = await worked(talk, arrivals=None, connections=3, seconds=3600, stop=stop)
    assert len(records.intended) >= 10
    assert set(records.outcome) == {records.outcomes.index("ok")}
    for intended, sent in zip(records.intended, records.sent, strict=True):
        assert start <= intended <= sent


@in_loop
async def test_a_closed_loop_sends_nothing_after_its_time() -> None:
    records, _ = await worked(replying(GOOD), arrivals=None, connections=3, seconds=0)
    assert [records.outcomes[number] for number in records.outcome] == ["ok"] * 3


@in_loop
async def test_a_closed_loop_of_errors_goes_on() -> None:
    stop = Stop()
    talk = replying(BUSY, stop=stop, after=3)
    records, _ = await worked(talk, arrivals=None, connections=1, seconds=3600, stop=stop)
    assert len(records.intended) >= 3
    assert {records.outcomes[number] for number in records.outcome} == {"HTTP 503"}


@in_loop
async def test_it_stops_when_it_is_told_to() -> None:
    stop = Stop()
    stop.value = 1
    records, _ = await worked(replying(GOOD), arrivals=[0, 3600], stop=stop)
    assert len(records.intended) == 1
    forever, _ = await worked(replying(GOOD), arrivals=None, seconds=3600, stop=stop)
    assert len(forever.intended) >= 2


@pytest.mark.parametrize(
    ("timing", "stages"),
    [
        (b"a;dur=1.5", {"a": (1.5, 1)}),
        (b"a;dur=1 ,  b;dur=2,a;dur=3", {"a": (4.0, 2), "b": (2.0, 1)}),
        (b"cache, a;dur=x, b;dur=2", {"b": (2.0, 1)}),
        (b"\xe4;dur=1", {"\xe4": (1.0, 1)}),
    ],
)
def test_what_the_server_says_of_its_stages_is_added_up(timing: bytes, stages: dict[str, tuple[float, int]]) -> None:
    @in_loop
    async def ask() -> None:
        records, _ = await worked(replying(GOOD.replace(b"queue;dur=0.5, inference;dur=2", timing)), arrivals=[0])
        assert records.stages == stages

    ask()


@in_loop
async def test_a_fault_of_its_own_does_not_pass_for_a_slow_server() -> None:
    loop = asyncio.get_running_loop()

    async def talk(*_: Any) -> None:
        loop.call_exception_handler({"message": "a callback failed", "exception": ZeroDivisionError("planted")})

    with pytest.raises(ZeroDivisionError, match="planted"):
        await worked(talk, arrivals=[0])
