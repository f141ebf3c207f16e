"""A line of JSON for the share of the requests that is asked for, and for each that the server is to blame for."""

import json
from pathlib import Path
from typing import Any

import pytest

from torchferry.errors import UserError
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.telemetry.access_log import STDERR, AccessLog
from torchferry.serving.onnx_server.trace_context import TraceContext

OUTCOMES = ("ok", "client_error", "overloaded", "deadline", "cancelled", "server_error")


def context() -> RequestContext:
    return RequestContext("rest")


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_where_nothing_is_asked_for_only_the_servers_own_errors_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for outcome in OUTCOMES:
        AccessLog(None).finished(context(), outcome, "")
    assert [line["outcome"] for line in logged(capsys)] == ["server_error"]


def test_with_a_share_of_one_every_request_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for outcome in OUTCOMES:
        AccessLog(STDERR).finished(context(), outcome, "")
    assert [line["outcome"] for line in logged(capsys)] == list(OUTCOMES)


def test_of_many_requests_about_the_share_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log = AccessLog(STDERR, 0.25)
    for _ in range(400):
        log.finished(context(), "ok", "")
    assert 50 <= len(logged(capsys)) <= 150  # 100 expected; beyond five standard deviations otherwise


def test_a_line_says_what_is_known_of_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    asked = context()
    asked.request_id, asked.decode = "7\n8", 0.0015
    asked.trace = TraceContext(32 * "a", 16 * "b")
    AccessLog(STDERR).finished(asked, "client_error", "NotDecodable: no image")
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
    AccessLog(STDERR).finished(context(), "ok", "")
    (line,) = logged(capsys)
    assert (line["request_id"], line["trace_id"], line["detail"]) == (None, None, None)


def test_a_file_is_appended_to_and_has_the_faults_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "access.log"
    file.write_text("before\n")
    for outcome in ("ok", "server_error"):
        AccessLog(file).finished(context(), outcome, "")
    before, *lines = file.read_text().splitlines()
    assert (before, [json.loads(line)["outcome"] for line in lines]) == ("before", ["ok", "server_error"])
    assert logged(capsys) == []


def test_a_file_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--access-log: /proc/none cannot be written "):
        AccessLog(Path("/proc/none"))


def test_a_file_that_is_full_later_harms_no_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = AccessLog(tmp_path / "access.log")
    log.path = Path("/dev/full")
    log.finished(context(), "ok", "")
    assert capsys.readouterr().err == "torchferry: --access-log: /dev/full: No space left on device\n"


def test_a_file_that_is_moved_away_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    log = AccessLog(file)
    file.rename(tmp_path / "access.log.1")
    log.finished(context(), "ok", "")
    assert len(file.read_text().splitlines()) == 1
