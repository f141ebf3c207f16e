"""torchrun's exit code, as a Kubernetes Job needs it: what is wrong for good, what was stopped, and the rest."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.commands import RECIPES, ROOT, run_command
from tests.forks import warm_workers
from tests.waiting import wait_until

pytestmark = pytest.mark.torchrun

TWO_RANKS = ("-m", "torchferry.training.distributed.launcher", "--standalone", "--nproc-per-node", "2")
LONG = ("-m", "torchferry.training", "--config", RECIPES / "digits.yaml", "--epochs", 400, "--metrics.port", "null")


@contextmanager
def training(runs: Path, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A long run by two ranks that has taken its first steps."""
    command = [*TWO_RANKS, *options, *LONG, "--runs_dir", runs, "--metrics.log_every", 5]
    with (
        (runs / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            env=os.environ | warm_workers(),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, as a terminal gives it
        ) as process,
    ):
        try:
            wait_until(lambda: starts(runs) == 1 and steps(runs) > 0, 120)
            yield process
        finally:
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                child.kill()
            process.kill()


def starts(runs: Path) -> int:
    attempts = runs / "digits/attempts.jsonl"
    return len(attempts.read_text().splitlines()) if attempts.exists() else 0


def steps(runs: Path) -> int:
    metrics = runs / "digits/metrics.jsonl"
    return len(metrics.read_text().splitlines()) if metrics.exists() else 0


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if "LOCAL_RANK" in child.environ()]


def saved_step(runs: Path) -> int:
    latest = runs / "digits/checkpoints" / (runs / "digits/checkpoints/latest").read_text().strip()
    return int(json.loads((latest / "state.json").read_text())["step"])


def test_wrong_input_ends_with_2_and_is_not_tried_again(tmp_path: Path) -> None:
    options = ("--runs_dir", tmp_path, "--optimizer.name", "Nonesuch")
    done = run_command(*TWO_RANKS, "--max-restarts", 3, *LONG, *options, **warm_workers())
    assert done.returncode == 2, done.stderr
    assert len(re.findall("^torchferry: .*Nonesuch", done.stderr, flags=re.MULTILINE)) == 1
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_command_line_of_torchrun_ends_with_2() -> None:
    assert run_command("-m", "torchferry.training.distributed.launcher", "--nonesuch").returncode == 2


def test_a_run_that_is_finished_ends_with_0(run: Path) -> None:
    options = ("--config", run / "config.yaml", "--runs_dir", run.parent, "--metrics.port", "null")
    done = run_command(*TWO_RANKS, "-m", "torchferry.training", *options, **warm_workers())
    assert done.returncode == 0, done.stderr
    assert "is finished" in done.stdout


def test_a_worker_that_was_killed_ends_with_1_once_no_restart_is_left(tmp_path: Path) -> None:
    with training(tmp_path, "--max-restarts", 1) as process:
        workers(process)[0].kill()
        wait_until(lambda: starts(tmp_path) == 2, 120)
        workers(process)[1].kill()
        assert process.wait(120) == 1
    log = (tmp_path / "log").read_text()
    assert "Signal 9 (SIGKILL)" in log
    assert starts(tmp_path) == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_ends_with_its_own_code(number: int, code: int, tmp_path: Path) -> None:
    with training(tmp_path, "--max-restarts", 3, "--shutdown-timeout", 60) as process:
        process.send_signal(number)
        assert process.wait(120) == code
    log = (tmp_path / "log").read_text()
    assert f"saved at step {saved_step(tmp_path)}; the same command goes on" in log
    assert starts(tmp_path) == 1


def test_ctrl_c_reaches_all_processes_and_says_what_was_saved(tmp_path: Path) -> None:
    with training(tmp_path, "--max-restarts", 3, "--shutdown-timeout", 60) as process:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(120) == 130
    log = (tmp_path / "log").read_text()
    assert log.count(f"digits: SIGINT, saved at step {saved_step(tmp_path)}; the same command goes on\n") == 1
    assert "Traceback" not in log


def test_a_node_that_is_drained_costs_its_peers_no_restart(tmp_path: Path) -> None:
    with training(tmp_path, "--max-restarts", 1) as process:
        for restarts in (2, 3):  # more than are allowed
            workers(process)[1].terminate()
            wait_until(lambda restarts=restarts: starts(tmp_path) == restarts, 120)  # type: ignore[misc]
        process.terminate()
        assert process.wait(120) == 143


def test_without_restarts_a_worker_that_was_stopped_ends_with_143(tmp_path: Path) -> None:
    with training(tmp_path, "--max-restarts", 0) as process:
        workers(process)[1].terminate()
        assert process.wait(120) == 143
    assert starts(tmp_path) == 1


LOST = """
import os, signal, subprocess, sys
from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torchferry.training.distributed import launcher

def sleeper(**environment):
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # or who waits for ours would wait for it
    child = subprocess.Popen(command, env=os.environ | environment, **pipes)
    child.stdout.readline()
    return child.pid

def stopped_while_it_starts_workers(arguments):
    print(sleeper(TORCHELASTIC_RUN_ID="1"), sleeper(), flush=True)
    raise SignalException("stopped", sigval=signal.SIGTERM)

run.main = stopped_while_it_starts_workers
sys.exit(launcher.main([]))
"""


def test_workers_that_torchrun_has_not_got_to_know_end_with_it() -> None:
    done = run_command("-c", LOST)
    lost, other = map(int, done.stdout.split())
    try:
        assert done.returncode == 143, done.stderr
        assert not psutil.pid_exists(lost)
        assert psutil.pid_exists(other)  # which is none of its workers
    finally:
        for pid in filter(psutil.pid_exists, (lost, other)):
            os.kill(pid, signal.SIGKILL)
