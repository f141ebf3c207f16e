"""The Date of answers is the time, to a second."""

import time
from email.utils import parsedate_to_datetime

import pytest

from torchferry.serving.onnx_server.http.clock import date


def test_it_is_a_headers_line_with_the_time_and_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (1_700_000_000.9, 1_700_000_000.1, 1_700_000_001.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        name, _, value = date().decode().partition(": ")
        assert (name, value[-2:]) == ("date", "\r\n")
        assert parsedate_to_datetime(value.strip()).timestamp() == int(now)
