"""A worker's log of failed requests: one line each, few of them, nothing of a client's as it was sent."""

import logging
import time

import pytest

from torchferry.serving.torchserve.worker_log import AT_ONCE, LONGEST, FailureLog, described


def failed(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_an_error_is_one_line_that_says_where_it_was_and_forges_none() -> None:
    said = described(failed("index 7\n2026-11-30 ERROR \x1b[31mforged\u2028é"))
    assert said.startswith("ValueError: index 7\\n2026-11-30 ERROR \\x1b[31mforged\\u2028\\xe9 (")
    assert said.endswith(" in failed)")
    assert "test_worker_log.py:" in said
    assert described(ValueError("not raised")) == "ValueError: not raised"
    assert len(described(ValueError("x" * 10**6))) < LONGEST + 100


def test_failures_without_end_are_few_lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    failures = FailureLog()
    with caplog.at_level(logging.ERROR):
        for _ in range(1000):
            failures.say("the model cannot compute an answer", failed("bad"))
        assert len(caplog.messages) == AT_ONCE
        now += 1.0
        failures.say("the model cannot compute an answer", failed("bad"))
        failures.say("the model cannot compute an answer", failed("bad"))
    assert len(caplog.messages) == AT_ONCE + 1
    assert caplog.messages[-1].endswith(f"; {1000 - AT_ONCE} more failed before it")
    assert caplog.messages[0].startswith("the model cannot compute an answer: ValueError: bad (")
