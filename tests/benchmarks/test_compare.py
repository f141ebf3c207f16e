"""Verdicts on planted figures, and two commits of this repository in turn."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.conftest import Planted
from tests.benchmarks.test_servers import left_with
from tests.commands import ROOT, run_command
from tests.waiting import wait_until
from torchferry.benchmarks.verdict import LEAST

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(name: str, values: Any, better: str = "lower", **content: object) -> Path:
        path = tmp_path / name
        figures = {"p50 ms": {"better": better, "values": list(values)}}
        whole = {"benchmark": "latency", "machine": {"cores": 2}, "arguments": {"rate": 50}, "figures": figures}
        path.write_text(json.dumps(whole | content))
        return path

    return write


NOISE = np.random.default_rng(0).normal(10, 0.3, size=30)
OTHER = np.random.default_rng(2).normal(10, 0.3, size=30)


@pytest.mark.parametrize(
    ("factor", "better", "says", "code"),
    [
        (1.2, "lower", "slower", 1),
        (1.2, "higher", "faster", 0),
        (1.0, "lower", "no difference", 0),
    ],
)
def test_it_says_faster_slower_or_no_difference(
    written: Written, factor: float, better: str, says: str, code: int
) -> None:
    old, new = written("old.json", NOISE, better), written("new.json", OTHER * factor, better)
    done = run_command("-m", "torchferry", "bench", "compare", old, new)
    assert done.returncode == code, done.stderr
    assert f"p50 ms  {says} " in done.stdout
    assert "two runs" in done.stdout


def test_what_is_slower_within_the_tolerance_passes(written: Written, tmp_path: Path) -> None:
    old, new = written("old.json", NOISE), written("new.json", NOISE * 1.1)
    output = tmp_path / "verdict.json"
    done = run_command("-m", "torchferry", "bench", "compare", old, new, "--tolerance", 0.2, "--output", output)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(output.read_text())["results"]["p50 ms"]
    assert (verdict["says"], verdict["pairs"]) == ("slower", 30)
    assert verdict["worse_by"] == pytest.approx(0.1)
    assert verdict["confidence"] > 0.99


def test_few_pairs_say_nothing_and_other_conditions_are_named(written: Written) -> None:
    old = written("old.json", [1.0] * 4)
    new = written("new.json", [9.0] * 4, machine={"cores": 4}, arguments={"rate": 100})
    done = run_command("-m", "torchferry", "bench", "compare", old, new)
    assert done.returncode == 0, done.stderr
    assert "too few" in done.stdout
    assert "note: cores was 2 and is 4" in done.stdout
    assert "note: rate was 50 and is 100" in done.stdout


def test_bad_input_is_refused_in_one_line(written: Written, tmp_path: Path) -> None:
    good, other = written("good.json", NOISE), written("other.json", NOISE, benchmark="training")
    (tmp_path / "text").write_text("{}")
    empty = written("empty.json", NOISE, figures={})
    for words, message in (
        ((good, other), "is of 'latency' and"),
        ((good, tmp_path / "text"), "is no result that `torchferry bench` wrote"),
        ((good, empty), "no figure in common"),
        ((good, good, "--tolerance", -1), "--tolerance: -1.0 is too small"),
        ((good, good, "--confidence", 1), "--confidence: 1.0 is not between"),
        ((good, good, "--", "latency"), "words after --"),
        (("HEAD", "nobody", "--commits", "--", "latency"), "nobody: is no commit"),
        (("HEAD", "HEAD", "--commits", "--rounds", 1, "--", "latency"), "--rounds: 1 is too small"),
    ):
        done = run_command("-m", "torchferry", "bench", "compare", *words)
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_two_commits_are_measured_in_turn(plant: Callable[..., Planted], tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs this repository's history")
    server = plant()
    what = ("latency", server.url, "--model", "planted", "--protocol", "rest", "--input", "random")
    options = ("--rounds", 5, "--scratch", tmp_path / "scratch", "--tolerance", 10)
    # A closed loop, whose figures no hiccup of the machine makes void.
    verb = ("--", *what, "--connections", 1, "--seconds", 0.5, "--warmup", 0)
    done = run_command("-m", "torchferry", "bench", "compare", "HEAD", "HEAD", "--commits", *options, *verb)
    assert done.returncode == 0, done.stderr
    order = [line.split(": ")[1].split()[0] for line in done.stderr.splitlines() if ", round " in line]
    assert order == ["old", "new"] * 5
    assert "p99 ms" in done.stdout
    assert len(server.stop()) > 10 * (1 + 20)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.server
def test_a_signal_leaves_a_verdict_on_the_rounds_that_were_finished(bundle: Path, tmp_path: Path) -> None:
    """Of two commits' servers, which end with it."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs this repository's history")
    what = ("latency", "{rest}", "--model", "digits", "--protocol", "rest-binary", "--input", "random")
    options = ("--rounds", 1000, "--scratch", tmp_path / "scratch", "--output", tmp_path / "compare.json")
    served = ("--serve", f"--runtime onnx {bundle}")
    verb = ("--", *what, "--connections", 1, "--seconds", 0.3, "--warmup", 0)
    words = ["compare", "HEAD", "HEAD", "--commits", *options, *served, *verb]
    with (tmp_path / "seen").open("w") as seen:
        command = [sys.executable, "-m", "torchferry", "bench", *map(str, words)]
        environment = os.environ | {"COMPARED_BY": str(tmp_path)}
        process = subprocess.Popen(command, cwd=ROOT, stdout=seen, stderr=seen, env=environment)
    wait_until(lambda: f"round {LEAST}/1000: new" in (tmp_path / "seen").read_text(), 120)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    pairs = json.loads((tmp_path / "compare.json").read_text())["results"]["p50 ms"]["pairs"]
    assert pairs >= LEAST
    assert f"PARTIAL, {pairs} of 1000 rounds were finished" in (tmp_path / "seen").read_text()
    assert not left_with("COMPARED_BY", str(tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.server
def test_a_server_that_does_not_start_is_said(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs this repository's history")
    options = ("--commits", "--scratch", tmp_path, "--serve", f"--runtime onnx {tmp_path / 'nowhere'}")
    done = run_command(
        "-m", "torchferry", "bench", "compare", "HEAD", "HEAD", *options, "--", "latency", "{rest}", "--model", "m"
    )
    assert done.returncode == 2
    assert "torchferry: --serve: the server ended with exit code 2: torchferry: " in done.stderr
