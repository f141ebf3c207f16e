"""`servers`: real ones beside each other, and what becomes of one that cannot be."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.commands import ROOT, run_command
from tests.waiting import wait_until
from torchferry.benchmarks.servers.bare import ByCores
from torchferry.benchmarks.servers.environment import place, python_of
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.samples import write_samples
from torchferry.benchmarks.servers.torchserve import BehindNginxByCores
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.bundle import bundle as bundles

QUICK = ("--rounds", 1, "--seconds", 0.5, "--warmup", 0)
# No package comes from anywhere.
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
NO_INDEX |= {"PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no environment has been made yet."""
    monkeypatch.setenv("TORCHFERRY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def two_threads(bundle: Path, tmp_path: Path) -> Job:
    """What a peer is given for a model that is worth two threads."""
    loaded, tensors, bodies = bundles.load(bundle), tmp_path / "tensors", tmp_path / "bodies"
    write_samples(loaded, tensors, bodies)
    model = loaded.verified(loaded.variants["onnx-fp32"].file)
    given: dict[str, Any] = {"bundle": loaded, "variant": "onnx-fp32", "model": model, "threads": 2, "cpus": ()}
    return Job(**given, tensors=tensors, bodies=bodies, folder=tmp_path, timeout=30)


@pytest.mark.server
def test_servers_are_measured_beside_each_other(bundle: Path, tmp_path: Path) -> None:
    content = servers(bundle, tmp_path, "--servers", "ours,bare,torchserve", *QUICK)
    ours, bare, torchserve = content["results"]["measured"]
    assert [row["name"] for row in (ours, bare, torchserve)] == ["ours", "bare", "torchserve"]
    assert [row["protocol"] for row in (ours, bare, torchserve)] == ["rest-binary", "none", "predictions"]
    assert 64 < ours["payload_bytes"] < 300  # 64 bytes of an image of 8 x 8, and what says so
    for row in (ours, bare, torchserve):
        (figures,) = row["rounds"]
        assert figures.keys() == {"answered/s", "p50 ms", "p99 ms", "CPU ms", "memory MB", "ready s", "MB on disk"}
        assert min(figures.values()) > 0, row["name"]
        assert content["figures"][f"{row['name']} answered/s"] == {
            "better": "higher",
            "values": [figures["answered/s"]],
        }
        assert re.search(rf"^{row['name']} +{row['protocol']} ", content["stdout"], re.MULTILINE)
    ratio = bare["rounds"][0]["p50 ms"] / ours["rounds"][0]["p50 ms"]
    assert bare["to"]["ours"]["p50 ms"]["median"] == pytest.approx(ratio)
    assert ours["to"] == {}


@pytest.mark.server
def test_torchserve_with_and_without_what_is_ours(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEASURED_BY", str(tmp_path))
    names = ["torchserve-tuned", "torchserve-stock", *(["torchserve-gateway"] if shutil.which("nginx") else [])]
    content = servers(bundle, tmp_path, "--servers", ",".join(names), "--to", "torchserve-tuned", *QUICK)
    assert not left_with("MEASURED_BY", str(tmp_path))
    tuned, *others = content["results"]["measured"]
    assert [row["name"] for row in (tuned, *others)] == names, content["results"]["missing"]
    assert tuned["to"] == {}
    for row in others:
        for key in ("protocol", "threads", "payload_bytes"):
            assert row[key] == tuned[key], row["name"]
        more = row["rounds"][0]["p50 ms"] - tuned["rounds"][0]["p50 ms"]
        assert row["to"]["torchserve-tuned"]["p50 ms more"]["median"] == pytest.approx(more)
    assert re.search(r"^to torchserve-tuned +p50 ms +answered/s +p50 ms more$", content["stdout"], re.MULTILINE)


@pytest.mark.serial
def test_the_bare_session_in_a_loop_for_each_core(two_threads: Job, tmp_path: Path) -> None:
    with ByCores(two_threads).serving(tmp_path) as running:
        assert (running.workers, running.threads) == (2, 1)
        offered = running.closed(16, Namespace(seconds=0.3))
        assert offered.requests > 2
        assert running.sustainable(offered.rate, Namespace(slo_ms=offered.p99_ms)) == offered.rate
        assert running.sustainable(offered.rate, Namespace(slo_ms=offered.p99_ms / 2)) == 0


@pytest.mark.server
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_torchserve_with_a_worker_for_each_core(two_threads: Job, tmp_path: Path) -> None:
    with BehindNginxByCores(two_threads).serving(tmp_path) as running:
        assert (running.workers, running.threads) == (2, 1)
        commands = [" ".join(child.cmdline()) for child in running.process.process.children(recursive=True)]
    assert sum("ts/model_service_worker.py" in command for command in commands) == 2


@pytest.mark.server
@pytest.mark.serial
def test_the_highest_rate_within_a_limit_is_searched_for(bundle: Path, tmp_path: Path) -> None:
    content = servers(bundle, tmp_path, "--servers", "ours", *QUICK, "--slo-ms", 200)
    (row,) = content["results"]["measured"]
    assert row["rounds"][0]["within SLO/s"] > 0
    assert content["figures"]["ours within SLO/s"]["better"] == "higher"


@pytest.mark.server
def test_a_signal_leaves_the_rounds_that_were_finished(bundle: Path, tmp_path: Path) -> None:
    output, seen = tmp_path / "servers.json", tmp_path / "seen"
    words = ["servers", bundle, "--servers", "bare", *QUICK, "--rounds", 1000, "-o", output]
    with seen.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "torchferry", "bench", *map(str, words)], cwd=ROOT, stdout=file, stderr=file
        )
    wait_until(lambda: "round 2/1000" in seen.read_text(), 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    content = json.loads(output.read_text())
    (bare,) = content["results"]["measured"]
    assert content["results"]["interrupted"] == 143
    finished = len(bare["rounds"])
    assert 2 <= finished < 1000
    assert f"PARTIAL, digits onnx-fp32: medians of {finished} rounds" in seen.read_text()


@pytest.mark.server
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


@pytest.mark.server
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
        done = run_command("-m", "torchferry", "bench", "servers", bundle, *words)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == f"torchferry: none was measured; litserve: {reason}"


def test_a_bundle_that_is_a_link_to_itself_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    for verb, *options in (("servers",), ("tune", "--p99-ms", 50, "--settings-output", tmp_path / "tuned.toml")):
        done = run_command("-m", "torchferry", "bench", verb, tmp_path / "link", *options)
        assert done.returncode == 2, done.stderr
        assert f"{tmp_path}/link" in done.stderr
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


def ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)  # whoever has inherited it is slow to take notice
    except psutil.NoSuchProcess:
        return True


def left_with(name: str, value: str) -> list[psutil.Process]:
    """Processes that live and were given this in their environment."""
    found = []
    for candidate in psutil.process_iter():
        with suppress(psutil.Error):
            if candidate.environ().get(name) == value and not ended(candidate):
                found.append(candidate)
    return found


def servers(bundle: Path, folder: Path, *options: object) -> Any:
    """The content of the JSON, and what was printed."""
    done = run_command("-m", "torchferry", "bench", "servers", bundle, *options, "-o", folder / "servers.json")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "servers.json").read_text()) | {"stdout": done.stdout}
