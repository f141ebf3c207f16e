"""`servers`: real ones beside each other, and what becomes of one that cannot be."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.servers.environment import pinned, place, python_of
from benchmarks.servers.process import process
from benchmarks.servers.unavailable import Unavailable
from tests.conftest import ROOT, run_command, wait_until

QUICK = ("--rounds", 1, "--seconds", 0.5, "--warmup", 0)
# No package comes from anywhere.
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
NO_INDEX |= {"PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no environment has been made yet."""
    monkeypatch.setenv("TORCHFERRY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_servers_are_measured_beside_each_other(bundle: Path, tmp_path: Path) -> None:
    content = servers(bundle, tmp_path, "--servers", "ours,bare,torchserve", *QUICK)
    ours, bare, torchserve = content["results"]["measured"]
    assert [row["name"] for row in (ours, bare, torchserve)] == ["ours", "bare", "torchserve"]
    assert [row["protocol"] for row in (ours, bare, torchserve)] == ["rest-binary", "none", "predictions"]
    assert 64 < ours["payload_bytes"] < 300  # 64 bytes of an image of 8 x 8, and what says so
    for row in (ours, bare, torchserve):
        (figures,) = row["rounds"]
        assert figures.keys() == {"answered/s", "p50 ms", "p99 ms", "CPU ms", "memory MB", "ready s"}
        assert min(figures.values()) > 0, row["name"]
        assert content["figures"][f"{row['name']} answered/s"] == {
            "better": "higher",
            "values": [figures["answered/s"]],
        }
        assert re.search(rf"^{row['name']} +{row['protocol']} ", content["stdout"], re.MULTILINE)
    ratio = bare["rounds"][0]["p50 ms"] / ours["rounds"][0]["p50 ms"]
    assert bare["to_ours"]["p50 ms"]["median"] == pytest.approx(ratio)
    assert ours["to_ours"] == {}


def test_the_highest_rate_within_a_limit_is_searched_for(bundle: Path, tmp_path: Path) -> None:
    content = servers(bundle, tmp_path, "--servers", "ours", *QUICK, "--slo-ms", 200)
    (row,) = content["results"]["measured"]
    assert row["rounds"][0]["within SLO/s"] > 0
    assert content["figures"]["ours within SLO/s"]["better"] == "higher"


def test_what_cannot_be_installed_is_listed_and_leaves_nothing(
    bundle: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NO_INDEX.items():
        monkeypatch.setenv(name, value)
    left_by_a_kill = place("litserve").with_name(f".{place('litserve').name}.unfinished")
    left_by_a_kill.mkdir(parents=True)
    content = servers(bundle, tmp_path, "--servers", "litserve,bare", *QUICK)
    assert content["results"]["missing"]["litserve"].startswith("cannot be installed: ERROR: ")
    assert "litserve is missing: cannot be installed: ERROR: " in content["stdout"]
    assert [row["name"] for row in content["results"]["measured"]] == ["bare"]
    assert [path.suffix for path in (cache / "peers").iterdir()] == [".lock"]


@pytest.mark.parametrize("beside", ["", ",bare"])
def test_what_cannot_be_started_is_listed(bundle: Path, tmp_path: Path, cache: Path, beside: str) -> None:
    python = python_of(place("litserve"))
    assert python.is_relative_to(cache)
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    python.chmod(0o755)
    words = ("--servers", f"litserve{beside}", *QUICK)
    reason = "ended with exit code 3: it is broken"
    if beside:
        assert servers(bundle, tmp_path, *words)["results"]["missing"] == {"litserve": reason}
    else:
        done = run_command("-m", "benchmarks", "servers", bundle, *words)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == f"benchmarks: none was measured; litserve: {reason}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--servers", "ours,nobody"), "there is no 'nobody'; choose of ours, torchserve, litserve, triton, bare"),
        (("--variant", "torch"), "has no accepted 'torch' that is ONNX, only onnx-fp32"),
        (("--rounds", 0), "--rounds: 0 is too small"),
        (("--slo-ms", 0), "--slo-ms: 0.0 is too small"),
        (("--cpus", ",".join(map(str, os.sched_getaffinity(0)))), "--cpus: leaves no core for the servers"),
    ],
)
def test_bad_options_are_refused_in_one_line(bundle: Path, change: tuple[object, ...], words: str) -> None:
    done = run_command("-m", "benchmarks", "servers", bundle, *change)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


WORKER = "import time\nwhile time.process_time() < 0.3: pass\ntime.sleep(1000)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {WORKER!r}]); time.sleep(1000)"


def test_workers_are_counted_and_ended_with_their_server(tmp_path: Path) -> None:
    with process([sys.executable, "-c", PARENT], tmp_path / "log") as running:
        wait_until(lambda: running.cpu_seconds() >= 0.3)
        family = [running.process, *running.process.children()]
        assert len(family) == 2
        assert running.memory_bytes() > max(member.memory_full_info().pss for member in family)
    assert all(ended(member) for member in family)


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match="ended with exit code 1: no port"),
        process([sys.executable, "-c", "import sys; sys.exit('no port')"], tmp_path / "log") as running,
    ):
        running.until(lambda: None)


def test_the_same_runtime_is_behind_each_server() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    for peer in ("litserve", "triton"):
        assert f"\nonnxruntime=={pinned(peer)['onnxruntime']} " in lock


def ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)  # whoever has inherited it is slow to take notice
    except psutil.NoSuchProcess:
        return True


def servers(bundle: Path, folder: Path, *options: object) -> Any:
    """The content of the JSON, and what was printed."""
    done = run_command("-m", "benchmarks", "servers", bundle, *options, "-o", folder / "servers.json")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "servers.json").read_text()) | {"stdout": done.stdout}
