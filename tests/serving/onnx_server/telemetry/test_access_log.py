"""A line of JSON for the share of the requests that is asked for, and for each that the server is to blame for."""

import json
from typing import Any

import pytest

from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.telemetry.access_log import AccessLog
from torchferry.serving.onnx_server.trace_context import TraceContext

OUTCOMES = ("ok", "client_error", "overloaded", "deadline", "cancelled", "server_error")


def context() -> RequestContext:
    return RequestContext("rest", lambda *_: None)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_where_nothing_is_asked_for_only_the_servers_own_errors_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for outcome in OUTCOMES:
        AccessLog(0).finished(context(), outcome, "")
    assert [line["outcome"] for line in logged(capsys)] == ["server_error"]


def test_with_a_share_of_one_every_request_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for outcome in OUTCOMES:
        AccessLog(1).finished(context(), outcome, "")
    assert [line["outcome"] for line in logged(capsys)] == list(OUTCOMES)


def test_of_many_requests_about_the_share_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log = AccessLog(0.25)
    for _ in range(400):
        log.finished(context(), "ok", "")
    assert 50 <= len(logged(capsys)) <= 150  # 100 expected; beyond five standard deviations otherwise


def test_a_line_says_what_is_known_of_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    asked = context()
    asked.request_id, asked.decode = "7\n8", 0.0015
    asked.trace = TraceContext(32 * "a", 16 * "b")
    AccessLog(1).finished(asked, "client_error", "NotDecodable: no image")
    (line,) = logged(capsys)
    assert line.pop("milliseconds") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "protocol": "rest",
        "model": None,
        "version": None,
        "outcome": "client_error",
        "stages_ms": {"decode": 1.5},
        "request_id": "7\n8",
        "trace_id": 32 * "a",
        "detail": "NotDecodable: no image",
    }


def test_what_is_not_known_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    AccessLog(1).finished(context(), "ok", "")
    (line,) = logged(capsys)
    assert (line["request_id"], line["trace_id"], line["detail"]) == (None, None, None)
