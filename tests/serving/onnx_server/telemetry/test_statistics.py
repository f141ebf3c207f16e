"""The sums of a model: what was answered counts with its stages, what failed with its time alone."""

import time

import numpy as np
import pytest

from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.inference import Work
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.telemetry.statistics import Statistics


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 110 s of time.monotonic(), and 1000 s since the epoch."""
    monkeypatch.setattr(time, "monotonic", lambda: 110.0)
    monkeypatch.setattr(time, "time", lambda: 1000.0)


def context(started: float = 110.0, samples: int = 1, decode: float = 0.0) -> RequestContext:
    made = RequestContext("rest")
    made.started, made.samples, made.decode = started, samples, decode
    made.end()
    return made


@pytest.mark.usefixtures("clock")
def test_requests_that_were_answered_add_up() -> None:
    statistics = Statistics()
    statistics.finished(context(started=109.0, samples=3, decode=0.25), ok=True)
    statistics.finished(context(started=108.0, samples=2, decode=0.5), ok=True)
    assert (statistics.answered, statistics.samples, statistics.last_answer) == (2, 5, 1000.0)
    assert statistics.seconds == {"request": 3.0, "decode": 0.75}
    assert (statistics.failed, statistics.failed_seconds) == (0, 0)


@pytest.mark.usefixtures("clock")
def test_a_request_that_failed_counts_among_the_failed_alone() -> None:
    statistics = Statistics()
    statistics.finished(context(started=106.0, samples=3, decode=0.25), ok=False)
    assert (statistics.failed, statistics.failed_seconds) == (1, 4.0)
    assert (statistics.answered, statistics.samples, statistics.last_answer) == (0, 0, 0)
    assert not statistics.seconds


@in_loop
async def test_the_time_in_the_queue_and_in_the_session_counts_apart() -> None:
    work = Work({"x": np.zeros(1)}, lambda _: None)
    work.queued, work.delayed, work.started, work.finished = 1.0, 0.5, 3.0, 7.0
    statistics, made = Statistics(), context()
    made.work, made.encode = work, 0.25
    statistics.finished(made, ok=True)
    assert not statistics.seconds
    statistics.add_up()
    del statistics.seconds["request"]
    assert statistics.seconds == {"decode": 0.0, "queue": 1.5, "batch_wait": 0.5, "inference": 4.0, "encode": 0.25}
