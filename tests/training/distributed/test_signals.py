"""Signals and disks that fail: what is saved, what is said, and how the command ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.commands import RECIPES, ROOT, run_command
from tests.forks import warm_python, warm_workers
from tests.waiting import wait_until

LONG = (
    "--config",
    RECIPES / "digits.yaml",
    "--metrics.port",
    "null",
    "--metrics.tensorboard",
    "false",
    "--epochs",
    400,
)


@contextlib.contextmanager
def training(runs: Path, *options: object, ranks: int = 1) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A long run that has taken its first steps."""
    # torchrun itself is real where it has workers, since a signal is for one of its children.
    command = [
        sys.executable if ranks > 1 else warm_python(),
        "-m",
        "training",
        *LONG,
        "--runs_dir",
        runs,
        "--metrics.log_every",
        5,
        *options,
    ]
    if ranks > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks]
        command[1:1] = launcher
    with subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | warm_workers(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as a terminal gives it
    ) as process:
        try:
            rows = runs / "digits" / "metrics.jsonl"
            wait_until(lambda: (rows.exists() and rows.stat().st_size > 0) or process.poll() is not None)
            yield process, runs / "digits"
        finally:
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                child.kill()
            process.kill()


def stood_at(run: Path) -> int:
    latest = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    return int(json.loads((latest / "state.json").read_text())["step"])


def rows_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_signal_saves_the_step_and_ends(number: int, code: int, tmp_path: Path) -> None:
    with training(tmp_path, "--checkpoint.every_epochs", "null", "--data.workers", 1) as (process, run):
        process.send_signal(number)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    step = stood_at(run)
    assert f"{signal.Signals(number).name}, saved at step {step}; the same command goes on" in output
    done = run_command("-m", "torchferry.training", *LONG, "--runs_dir", tmp_path, "--max_steps", step + 3)
    assert done.returncode == 0, done.stderr
    assert f"goes on after step {step}" in done.stdout


@pytest.mark.slow
@pytest.mark.torchrun
def test_all_ranks_agree_on_a_signal_that_one_of_them_got(tmp_path: Path) -> None:
    with training(tmp_path, "--checkpoint.every_epochs", "null", ranks=2) as (process, run):
        workers = [child for child in psutil.Process(process.pid).children() if "training" in child.cmdline()]
        assert len(workers) == 2
        workers[1].send_signal(signal.SIGUSR1)
        wait_until(lambda: (run / "checkpoints" / "latest").exists())
        saved = stood_at(run)
        process.terminate()  # torchrun passes it on to both
        process.communicate(timeout=120)
    assert process.returncode != 0
    assert stood_at(run) > saved
    assert not list((run / "checkpoints").glob(".*"))


@pytest.mark.slow
@pytest.mark.torchrun
def test_ctrl_c_under_torchrun_shows_our_line_and_no_traceback_but_torchruns_own(tmp_path: Path) -> None:
    with training(tmp_path, "--checkpoint.every_epochs", "null", ranks=2) as (process, run):
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert output.count(f"digits: SIGINT, saved at step {stood_at(run)}; the same command goes on\n") == 1
    assert errors.count("Traceback") == 1
    assert "SignalException" in errors.splitlines()[-1]


SOURCE = {
    "train": {"name": "tests.training.nets.Slow", "args": {"size": 64, "seconds": 0}},
    "test": {"name": "tests.training.nets.Slow", "args": {"size": 2000, "seconds": 0.004}},
    "labels": 10,
    "image": {"mode": "L", "height": 8, "width": 8},
}
SLOWLY_EVALUATED = ("--data.source", json.dumps({"name": "dataset", "args": SOURCE}))


@pytest.mark.slow
def test_a_stop_while_the_best_is_evaluated_leaves_the_last_checkpoint_as_it_is(tmp_path: Path) -> None:
    """By then the model has the weights of the best."""
    options = (*SLOWLY_EVALUATED, "--epochs", 2, "--early_stopping.min_gain", 1, "--checkpoint.export", "best")
    with training(tmp_path, *options) as (process, run):
        last = run / "checkpoints" / "step-00000002" / "checksums.json"
        wait_until(lambda: [row["kind"] for row in rows_of(run)].count("test") == 2 and last.exists())
        before = last.read_text()
        process.terminate()
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 143, errors
    assert "SIGTERM, saved at step 2" in output
    assert not (run / "model").exists()
    assert last.read_text() == before


@pytest.mark.slow
@pytest.mark.torchrun
def test_a_stop_in_an_evaluation_waits_for_no_more_than_a_batch_of_it_and_the_run_goes_on_there(tmp_path: Path) -> None:
    options = (*SLOWLY_EVALUATED, "--checkpoint.every_epochs", "null")
    with training(tmp_path, *options, ranks=2) as (process, run):
        process.terminate()
        process.communicate(timeout=120)
        assert stood_at(run) == 1
        assert [row["kind"] for row in rows_of(run)] == ["train"]
    done = run_command(
        "-m", "torchferry.training", *LONG, "--runs_dir", tmp_path, *options, "--max_steps", 2, "--data.workers", 4
    )
    assert done.returncode == 0, done.stderr
    assert [(row["kind"], row["step"]) for row in rows_of(run)] == [
        ("train", 1),
        ("test", 1),
        ("train", 2),
        ("test", 2),
    ]


@pytest.mark.slow
def test_sigusr1_saves_and_goes_on(tmp_path: Path) -> None:
    with training(tmp_path, "--checkpoint.every_epochs", "null") as (process, run):
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: (run / "checkpoints" / "latest").exists())
        assert process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("small_disk", [12], indirect=True)
@pytest.mark.parametrize(("policy", "goes_on"), [("stop", False), ("continue", True)])
def test_a_full_disk_is_said_and_harms_no_checkpoint(policy: str, goes_on: bool, small_disk: Path) -> None:
    options = ("--checkpoint.keep", 99, "--checkpoint.every_steps", 4, "--checkpoint.on_save_error", policy)
    done = run_command("-m", "torchferry.training", *LONG, "--runs_dir", small_disk, *options, "--max_steps", 154)
    assert "No space left on device" in done.stderr
    assert "the checkpoints before it are untouched" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert ("epoch 7/400" in done.stdout) == goes_on
    run = small_disk / "digits"
    assert stood_at(run) < 154
    assert not list((run / "checkpoints").glob(".*"))
