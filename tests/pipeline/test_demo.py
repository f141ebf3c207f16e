"""The two commands of a newcomer, in a copy of the project whose folder has a space in its name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.commands import ROOT
from tests.pipeline.checkout import copy_checkout
from tests.waiting import wait_until

pytestmark = [pytest.mark.server, pytest.mark.torchrun]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git tracks, with the environment that is installed already."""
    folder = copy_checkout(tmp_path_factory.mktemp("a folder") / "torch ferry")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def make(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "PYTHON")}
    return subprocess.run(
        ["make", *arguments], cwd=checkout, env=variables | environment, capture_output=True, text=True, timeout=600
    )


def test_make_demo_runs_the_whole_path(checkout: Path) -> None:
    done = make(checkout, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installing" not in done.stdout
    for model in ("digits-torch", "digits-onnx-fp32", "digits"):
        for protocol in ("REST", "gRPC"):
            assert f"\n{model} over {protocol}: 100 labels are the checkpoint's" in done.stdout
    for served in ("torchserve +torch", "torchserve +onnx-fp32", "onnx +onnx-fp32"):
        row = re.search(rf"^{served} +([\d.]+)% +\d+ +\S+ +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+", done.stdout, re.M)
        assert row, done.stdout
        assert float(row[1]) >= 98
    assert "report       runs/digits/report.html" in done.stdout
    assert (checkout / "runs" / "digits" / "report.html").is_file()


def test_a_missing_or_too_old_python_is_named_in_one_line(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(checkout / name, bare / name)
    for python, words in (("python9.9", "'python9.9' is missing"), (str(old), "does not run as Python 3.11 or newer")):
        done = make(bare, "test", f"PYTHON={python}")
        assert done.returncode == 2
        lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
        assert len(lines) == 1, done.stderr
        assert words in lines[0]
        assert not (bare / ".venv").exists()


def test_make_says_what_it_can_do(checkout: Path) -> None:
    assert "make demo" in make(checkout).stdout


def test_sigterm_stops_the_demo_and_all_that_it_started(checkout: Path) -> None:
    """A second one, which has put the run of the first aside."""
    (checkout / "runs" / "digits").mkdir(parents=True, exist_ok=True)
    (checkout / "runs" / "digits" / "first").touch()
    command = [sys.executable, "-m", "torchferry", "demo"]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as demo:
        started: list[psutil.Process] = []

        def both_ranks_run() -> bool:
            started[:] = psutil.Process(demo.pid).children(recursive=True)
            return len(started) >= 3

        wait_until(both_ranks_run)
        demo.terminate()
    assert demo.returncode == 143
    assert not psutil.wait_procs(started, timeout=60)[1]
    assert (checkout / "runs" / "digits.1" / "first").is_file()
