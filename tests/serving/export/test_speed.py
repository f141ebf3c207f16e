"""A session's speed is the median of its calls, after what is compiled has been compiled."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest

from tests.serving.export.tiny_reference import tiny_reference
from torchferry.serving.export import speed
from torchferry.serving.export.speed import CALLS, WARMUP, measure_speed

SAMPLES = tiny_reference().test


class Clock:
    """A session whose calls take what they are told to, and the clock that they move."""

    def __init__(self, seconds: Mapping[int, float], slow: Mapping[int, float]) -> None:
        """`seconds` of a call by its samples; `slow`: how much more the so many-th call takes."""
        self.now, self.seconds, self.slow = 0.0, seconds, slow
        self.calls: list[int] = []

    def load(self) -> "Clock":
        self.now += 1
        return self

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.calls.append(len(inputs["row"]))
        self.now += self.seconds[self.calls[-1]] + self.slow.get(len(self.calls), 0)
        return {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock({1: 0.01, 8: 0.3}, slow={1: 5, 3: 2, 20: 0.2})
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


def test_loading_lasts_until_the_first_answer(clock: Clock) -> None:
    session, measured = measure_speed(clock.load, SAMPLES, threads=3)
    assert session is clock
    assert measured.load_seconds == 1 + 5 + 0.01
    assert measured.threads == 3


def test_one_slow_call_does_not_count(clock: Clock) -> None:
    _, measured = measure_speed(clock.load, SAMPLES, threads=1)
    assert (measured.batch_1_ms, measured.batch_8_ms) == (10, 300)


def test_there_are_fewer_calls_where_they_take_more_than_a_second(clock: Clock) -> None:
    measure_speed(clock.load, SAMPLES, threads=1)
    assert clock.calls.count(1) == 1 + WARMUP + CALLS
    assert clock.calls.count(8) == WARMUP + 4  # 4 times 0.3 s
