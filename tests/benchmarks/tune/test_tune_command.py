"""`tune`: its options, its files, and the real thing on the digits bundle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.report.parsed import report as made_report
from tests.benchmarks.test_servers import left_with
from tests.benchmarks.tune.landscape import LIMIT, POINT, Landscape, of_a_delay, searched, space
from tests.commands import ROOT, run_command
from tests.server import Server
from tests.waiting import wait_until
from torchferry.benchmarks.tune import trial
from torchferry.benchmarks.tune.trial import Trials
from torchferry.benchmarks.tune.tune_command import Tuned, conclude
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.client import RestClient


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--p99-ms", 0), "--p99-ms: 0.0 is too small"),
        (("--p99-ms", 50, "--resolution", 0), "--resolution: 0.0 is too small"),
        (("--p99-ms", 50, "--variants", "onnx-int4"), "has no accepted 'onnx-int4' for onnx, only onnx-fp32"),
        (("--p99-ms", 50, "--cpus", ",".join(map(str, os.sched_getaffinity(0)))), "--cpus: leaves no core"),
        (("--p99-ms", 50, "--settings-output", "nowhere/x"), "--settings-output: nowhere is not a folder"),
        (("--p99-ms", 50, "--settings-output", "new.json"), "--settings-output: new.json is where the evidence goes"),
    ],
)
def test_bad_options_are_refused_in_one_line(bundle: Path, words: tuple[object, ...], says: str) -> None:
    done = run_command("-m", "torchferry", "bench", "tune", bundle, *words)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_gateway_that_is_not_there_is_said_before_anything_starts(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run_command("-m", "torchferry", "bench", "tune", bundle, "--p99-ms", 50, "--runtime", "torchserve")
    assert done.returncode == 2
    assert "torchferry: --gateway: nginx is not installed" in done.stderr


def test_an_evidence_of_another_verb_is_kept(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "tuned.json").write_text("{}")
    done = run_command(
        "-m", "torchferry", "bench", "tune", bundle, "--p99-ms", 50, "--settings-output", tmp_path / "tuned.toml"
    )
    assert done.returncode == 2
    assert "tuned.json exists and was not written by this" in done.stderr


def test_the_evidence_outlives_settings_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = searched(Landscape(of_a_delay), space())
    given = {"bundle": Path("b"), "p99_ms": LIMIT, "runtime": "onnx", "grid": False, "gateway": "none"}
    options = Namespace(**given, output=tmp_path / "tuned.json", settings_output=tmp_path / "gone" / "tuned.toml")
    with pytest.raises(UserError, match=r"--settings-output: .*tuned\.toml cannot be written"):
        conclude(search, Tuned("digits"), 2, options, None)
    assert json.loads(options.output.read_text())["results"]["winner"]
    assert search.best
    assert f"{search.best.name}: p99 <= 50 ms up to " in capsys.readouterr().out


def quick(bundle: Path, folder: Path) -> list[str]:
    """The command for a server on one core, which leaves few points."""
    words = ["tune", bundle, "--p99-ms", 500, "--cpus", min(os.sched_getaffinity(0)), "--resolution", 0.5]
    words += ["--seconds", 0.4, "--warmup", 0, "--settings-output", folder / "tuned.toml", "-o", folder / "tune.json"]
    return ["-m", "torchferry", "bench", *map(str, words)]


@pytest.mark.server
@pytest.mark.serial
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the generator and the server need a core each")
def test_the_settings_that_win_start_the_server(bundle: Path, tmp_path: Path) -> None:
    done = run_command(*quick(bundle, tmp_path))
    assert done.returncode == 0, done.stderr
    content: Any = json.loads((tmp_path / "tune.json").read_text())
    found = content["results"]
    assert sum(found["counts"].values()) == len(found["points"])
    assert found["counts"]["measured"] >= 1
    assert found["counts"]["untried"] == 0
    assert found["rate"]["low"] <= found["rate"]["median"] <= found["rate"]["high"]
    assert found["winner"]["name"] in done.stdout.splitlines()[-3]
    assert content["figures"]["requests/s at p99 <= 500 ms"]["better"] == "higher"
    up = tomllib.loads((tmp_path / "tuned.toml").read_text())["up"]
    server = Server(bundle, folder=tmp_path, runtime="onnx", options=("--settings", tmp_path / "tuned.toml"))
    try:
        addresses = server.wait_ready()
        log = server.log.read_text()
        assert f"(onnx-fp32)\n  digits: {up['sessions']} x {up['threads']} threads" in log
        assert f"up to {up['max_batch']} samples together" in log
        inputs, outputs = bundles.load(bundle).golden()
        with RestClient(addresses["rest"], 30) as client:
            answered = client.infer("digits", inputs)
        np.testing.assert_allclose(answered["probabilities"], outputs["probabilities"], atol=1e-4)
    finally:
        server.stop()
    page = made_report(tmp_path, tmp_path / "tune.json")
    assert len(page.table("Every point")) == 1 + len(found["points"])


@pytest.mark.server
@pytest.mark.serial
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the generator and the server need a core each")
def test_a_signal_leaves_the_evidence_and_no_server(bundle: Path, tmp_path: Path, number: int, code: int) -> None:
    environment = os.environ | {"TUNED_BY": str(tmp_path)}
    with (tmp_path / "seen").open("w") as seen:
        command = [sys.executable, *quick(bundle, tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=seen, env=environment)
        wait_until(lambda: "at most" in (tmp_path / "seen").read_text())
        process.send_signal(number)
        assert process.wait(60) == code
    found = json.loads((tmp_path / "tune.json").read_text())["results"]
    assert found["interrupted"] == code
    assert any(point["capacity"] for point in found["points"])
    assert found["counts"]["untried"] >= 1
    assert "PARTIAL: no settings are written" in (tmp_path / "seen").read_text()
    assert not (tmp_path / "tuned.toml").exists()
    # One that was just being started ends with its parent, by the kernel's signal.
    wait_until(lambda: not left_with("TUNED_BY", str(tmp_path)), 20)


@pytest.mark.server
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_torchserve_is_measured_at_a_point(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trial.WARMUP, "torchserve", 0.5)
    sending = {"arrivals": "poisson", "warmup": 0, "seconds": 1, "processes": None, "cpus": (), "timeout": 30}
    options = Namespace(runtime="torchserve", gateway="nginx", p99_ms=500, **sending)
    with Trials(bundles.load(bundle), options, (), tmp_path).at(POINT) as running:
        rate, connections = running.capacity()
        assert rate > 0
        assert 2 <= connections <= 96
        probe = running.probe(5)
    assert (probe.rate, probe.errors) == (5, 0)
    assert probe.p99_ms > 0
