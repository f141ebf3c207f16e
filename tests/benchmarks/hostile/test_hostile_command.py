"""`hostile` as users run it."""

import json
from pathlib import Path

import pytest

from torchferry.benchmarks.hostile.hostile_command import main
from torchferry.benchmarks.report.page import page
from torchferry.benchmarks.report.source import read
from torchferry.errors import UserError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--minutes", "0"), "--minutes: 0.0 is too small; give more than 0"),
        (("--rate", "0"), "--rate: 0.0 is too small"),
        (("--rounds", "0"), "argument --rounds: 0 is not a whole number above 0"),
        (("--attacks", "slow,worms"), "argument --attacks: there is no 'worms'; choose of slow, flood, bombs"),
        (("--variant", "onnx-int8"), "--variant: "),
        (("--output", "nowhere/x.json"), "--output: nowhere is not a folder"),
    ],
)
def test_bad_options_are_refused(bundle: Path, change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        main([str(bundle), *change])
    assert str(refused.value).startswith(words)


@pytest.mark.server
def test_rounds_and_a_long_run(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rounds, minutes = tmp_path / "rounds.json", tmp_path / "minutes.json"
    given = [str(bundle), "--rate", "20", "--warmup", "0", "--attacks", "flood,malformed", "--output"]
    main([*given, str(rounds), "--rounds", "1", "--seconds", "1"])
    main([*given, str(minutes), "--minutes", "0.02"])
    said = capsys.readouterr().out
    assert "digits onnx-fp32 by onnx: 20 honest requests a second beside flood, malformed;" in said
    assert said.count("open files") == 2
    content = json.loads(rounds.read_text())
    assert content["benchmark"] == "hostile"
    assert [side["requests"] for found in content["results"]["rounds"].values() for side in found] == [20, 20]
    assert content["results"]["attack"]["flood"]["200"]
    assert len(content["results"]["vitals"]) == 3
    assert json.loads(minutes.read_text())["benchmark"] == "soak"
    shown = page(read([rounds, minutes]), None)
    assert "Honest requests beside an attack" in shown
    assert "Soak of digits" in shown
