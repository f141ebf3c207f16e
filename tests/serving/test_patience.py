"""A request is tried again as long as the server says, and no longer than was given."""

import threading

import pytest

from torchferry.serving import patience
from torchferry.serving.patience import NONE, Patience


class Slept(threading.Event):
    """Nobody waits; how long was asked for is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0)
        return self.is_set()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Slept:
    monkeypatch.setattr(patience.random, "uniform", lambda _, most: most)
    return Slept()


def test_what_the_server_says_is_waited(slept: Slept) -> None:
    patient = Patience(60)
    patient.ended = slept
    assert patient.waits().again("7")
    assert slept.seconds == [7]


def test_else_it_is_longer_each_time(slept: Slept) -> None:
    patient = Patience(60)
    patient.ended = slept
    waits = patient.waits()
    for said in (None, None, "", "Mon, 01 Jan", None, None, None, None):
        assert waits.again(said)
    assert slept.seconds == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10])


def test_it_ends() -> None:
    assert not Patience(5).waits().again("6")
    assert not NONE.waits().again(None)
    patient = Patience(60)
    patient.end()
    assert not patient.waits().again("30")
