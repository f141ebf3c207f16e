"""The newest state is sent by a thread; nothing waits for it, and failures are said once."""

import threading

import pytest

from tests.waiting import wait_until
from torchferry.training.telemetry import sender
from torchferry.training.telemetry.sender import NoSender, Sender


def test_it_sends_when_there_is_news_not_too_often_and_once_more_at_the_end() -> None:
    sent: list[int] = []
    sending = Sender("there", lambda: sent.append(len(sent)), every_seconds=3600)
    assert not sent
    sending.wake()
    wait_until(lambda: len(sent) == 1)
    sending.wake()  # within the hour
    sending.finish()
    assert len(sent) == 2
    assert not sending.thread.is_alive()


def test_what_fails_is_said_once_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    tries: list[int] = []

    def send() -> None:
        tries.append(1)
        raise OSError("nobody\nanswers")

    sending = Sender("a.key: there", send, every_seconds=0)
    for number in (1, 2):
        sending.wake()
        wait_until(lambda number=number: len(tries) >= number)  # type: ignore[misc]
    sending.finish()
    assert capsys.readouterr().err == "torchferry: a.key: there: nobody answers; training goes on without\n"


def test_a_failure_after_a_success_is_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([OSError("first"), None, OSError("second")])

    def send() -> None:
        if (error := next(answers)) is not None:
            raise error

    sending = Sender("there", send, every_seconds=0)
    for expected in (True, False):
        sending.wake()
        wait_until(lambda expected=expected: sending.fails == expected)  # type: ignore[misc]
    sending.finish()
    assert [line.split(": ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "first; training goes on without",
        "second; training goes on without",
    ]


def test_an_end_waits_for_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LAST_SECONDS", 0.01)
    hung = threading.Event()

    def send() -> None:
        hung.wait()

    sending = Sender("there", send, every_seconds=0)
    sending.finish()
    assert sending.thread.is_alive()
    hung.set()
    sending.thread.join()


def test_where_nobody_is_told_nothing_happens() -> None:
    silent = NoSender()
    silent.wake()
    silent.finish()
