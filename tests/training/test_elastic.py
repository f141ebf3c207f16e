"""A worker that is killed at any moment leaves no trace in the result: torchrun starts it again."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.commands import RECIPES, ROOT
from tests.forks import warm_workers
from tests.waiting import wait_until

pytestmark = pytest.mark.torchrun

LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2")
RECIPE = ("--config", str(RECIPES / "digits.yaml"), "--epochs", "2", "--checkpoint.every_steps", "5")
OPTIONS = ("--metrics.port", "0", "--metrics.sample_log", "true")


def torchrun(runs: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, *LAUNCHER, "-m", "torchferry.training", *RECIPE, *OPTIONS, "--runs_dir", str(runs)]
    runs.mkdir(exist_ok=True)
    with (runs / "log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ | warm_workers(), stdout=log, stderr=subprocess.STDOUT
        )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("undisturbed")
    assert torchrun(runs).wait(300) == 0, (runs / "log").read_text()
    return runs / "digits"


@pytest.mark.parametrize("seed", [1, 5])
def test_a_killed_worker_changes_no_byte_of_the_result(undisturbed: Path, tmp_path: Path, seed: int) -> None:
    chance, run = random.Random(seed), tmp_path / "digits"
    rank, step = chance.randrange(2), chance.randrange(1, 30)
    launcher = torchrun(tmp_path)
    try:
        wait_until(lambda: steps_taken(run, rank) >= step, 180)
        worker(launcher.pid, rank).kill()
        assert launcher.wait(300) == 0, (tmp_path / "log").read_text()
    finally:
        launcher.terminate()
        launcher.wait(60)
    attempts = [json.loads(line) for line in (run / "attempts.jsonl").read_text().splitlines()]
    assert [attempt["world_size"] for attempt in attempts] == [2, 2]
    for name in ("model/weights.safetensors", "samples-0.csv", "samples-1.csv"):
        assert (run / name).read_bytes() == (undisturbed / name).read_bytes(), name


def steps_taken(run: Path, rank: int) -> int:
    log = run / f"samples-{rank}.csv"
    return len(log.read_text().splitlines()) if log.exists() else 0


def worker(launcher: int, rank: int) -> psutil.Process:
    (found,) = (
        child for child in psutil.Process(launcher).children() if child.environ().get("LOCAL_RANK") == str(rank)
    )
    return found
