"""An export says when a part begins and ends; a pass has a bar on a terminal, and a line where it takes long."""

import dataclasses
import sys
from contextlib import suppress
from typing import Any

import pytest

from tests.serving.tiny_bundle import variant
from torchferry.serving.export.progress import SILENCE, SILENT, Bar, Lines, shown_progress, variant_line


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_has_a_line_for_what_begins_and_none_for_a_short_pass(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Clock())
    lines.begins("onnx-int8")
    lines.reads(128)
    lines.has_read(64)
    lines.has_read(64)
    lines.says("onnx-int8      accepted")
    assert capsys.readouterr().out == "onnx-int8      begins\nonnx-int8      accepted\n"


def test_a_long_pass_says_where_it_stands_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    lines.begins("torch")
    lines.reads(10_000)
    for _ in range(4):
        clock.now += SILENCE / 2 + 1
        lines.has_read(1_500)
    lines.reads(None)
    clock.now += SILENCE
    lines.has_read(64)
    said = capsys.readouterr().out.splitlines()[1:]
    assert said == ["torch          3,000 of 10,000 samples", "torch          6,000 of 10,000 samples",
                    "torch          64 samples"]  # fmt: skip


def test_a_terminal_has_a_bar_during_a_pass_and_the_same_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with shown_progress() as bar:
        assert isinstance(bar, Bar)
        bar.begins("onnx-fp32")
        bar.reads(64)
        bar.has_read(40)
        (task,) = bar.bar.tasks
        assert (task.description, task.completed, task.total) == ("onnx-fp32", 40, 64)
        bar.reads(None)
        (task,) = bar.bar.tasks
        assert (task.completed, task.total) == (0, None)
        bar.says("onnx-fp32      accepted [1.0, 2.0]")
        assert not bar.bar.tasks
    said = capsys.readouterr().out
    assert "onnx-fp32      begins" in said
    assert "onnx-fp32      accepted [1.0, 2.0]" in said


def test_the_bar_ends_before_an_error_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with suppress(ValueError), shown_progress() as bar:
        bar.reads(1)
        raise ValueError
    assert isinstance(bar, Bar)
    assert bar.bar.live.is_started is False


def test_elsewhere_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as progress:
        assert isinstance(progress, Lines)
    SILENT.begins("torch")
    SILENT.reads(1)
    SILENT.has_read(1)
    SILENT.says("x")
    assert capsys.readouterr().out == ""


def test_a_variants_line_says_what_became_of_it() -> None:
    accepted = variant_line("torch", variant(batch_1_ms=0.5), 12.34)
    assert accepted == (
        "torch          accepted          0 kB     0.500 ms  agreement 100.00%  largest difference 0.0e+00  in 12.3 s"
    )
    refused = variant_line("torch", variant(status="refused", reason="it is wrong", note="in float: a"), 1)
    assert refused.endswith("  (it is wrong)  in 1.0 s\n               in float: a")


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ({"agreement": 0.99999, "changed_shares": {"classes": 1e-5}}, "agreement 99.99%  in"),
        ({"agreement": 0.5, "differences": {"boxes": 2.0}, "changed_shares": {"labels": 0.0}, "max_abs_diff": 2.0},
         "agreement 50.00%  largest difference 2.0e+00  in"),
        ({"agreement": None, "changed_shares": {"ids": 0.125, "mask": 0.0}}, "12.50% other values  in"),
        ({"agreement": None, "max_abs_diff": None}, "largest difference none  in"),
    ],
)  # fmt: skip
def test_a_line_says_what_tells_an_answer_from_the_checkpoints(measures: dict[str, Any], words: str) -> None:
    made = variant()
    line = variant_line(
        "onnx-int8", dataclasses.replace(made, measured=dataclasses.replace(made.measured, **measures)), 1
    )
    assert f"ms  {words}" in line
