"""A call in the loop that takes too long is cancelled; one that has ended is left alone."""

import time

import pytest

from torchferry.serving.onnx_server.models import loop_watch
from torchferry.serving.onnx_server.models.loop_watch import LoopWatch
from torchferry.serving.session.onnx_session import Cancellation


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> LoopWatch:
    monkeypatch.setattr(loop_watch, "LOOK_SECONDS", 0.005)
    monkeypatch.setattr(loop_watch, "LONGEST_SECONDS", 0.05)
    return LoopWatch()


def test_what_takes_too_long_is_cancelled(watch: LoopWatch) -> None:
    long = Cancellation()
    watch.begin(long)
    while not long.cancelled:
        time.sleep(0.001)
    watch.end()


def test_what_has_ended_is_left_alone(watch: LoopWatch) -> None:
    ended, long = Cancellation(), Cancellation()
    watch.begin(ended)
    watch.end()
    watch.begin(long)
    while not long.cancelled:
        time.sleep(0.001)
    watch.end()
    assert not ended.cancelled
