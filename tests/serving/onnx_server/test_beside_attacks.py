"""Beside slow peers, floods, bombs, reset streams and malformed requests no honest picture fails."""

import json
from pathlib import Path

import pytest

from tests.commands import run_command
from torchferry.benchmarks.hostile.attack import ATTACKERS

LONGEST_MS = 10_000
"""An honest client waits so long."""


@pytest.mark.server
@pytest.mark.serial
def test_of_50_honest_pictures_a_second_none_fails(bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "beside.json"
    options = ("--rate", 50, "--minutes", 1 / 3, "--warmup", 0, "--output", output)
    done = run_command("-m", "torchferry", "bench", "hostile", bundle, *options)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    results = json.loads(output.read_text())["results"]
    assert all(results["attack"][name] for name in ATTACKERS)
    honest = results["measurement"]
    assert honest["requests"] == 1000
    assert honest["outcomes"] == {"ok": 1000}
    assert honest["max_ms"] < LONGEST_MS
