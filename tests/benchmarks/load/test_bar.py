"""The progress bar shows what was sent and what is under way, and only to a terminal."""

import pytest

from torchferry.benchmarks.load.bar import bar


def test_a_terminal_sees_the_title_and_how_many_requests_are_under_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with bar("500/s", 10) as progress:
        progress(4.0, 12_345, 12_300)
    seen = capsys.readouterr()
    assert "500/s" in seen.err
    assert "12,345 sent, 45 under way" in seen.err
    assert seen.out == ""


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with bar("500/s", 10) as progress:
        progress(4.0, 100, 90)
    seen = capsys.readouterr()
    assert seen.out + seen.err.strip() == ""
