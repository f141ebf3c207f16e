"""SIGKILL of a worker: the run goes on by itself, and ends with the same bytes as one that was left alone."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from torchferry import run_folder
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.setting import TITLES, TRAINER, Setting
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.torchrun import Launch, torchrun
from torchferry.benchmarks.training.workload import Workload
from torchferry.errors import ServerFault

SAVES = 3
"""A run of so many checkpoints; the kill comes after the first."""


def run(setting: Setting, outcome: Outcome) -> None:
    work = setting.workload("resnet18", batch=256, steps=600)
    every = (work.warmup + work.steps) // SAVES
    changes = {"deterministic": True, "checkpoint": {"every_steps": every}, "metrics": {"log_every": 1}}
    with TemporaryDirectory(prefix="benchmark-", dir=setting.scratch, ignore_cleanup_errors=True) as name:
        whole, killed = Path(name).resolve() / "whole", Path(name).resolve() / "killed"
        for folder in (whole, killed):
            folder.mkdir()
            ours.recipe(work, folder, **changes)
        _train(work, whole, lambda _: None)
        seconds: list[float] = []
        _train(work, killed, lambda launch: seconds.append(_kill(launch, killed)))
        equal = _weights(whole) == _weights(killed)
    outcome.add(
        "from SIGKILL of a worker to the next step",
        f"{seconds[0]:.1f} s",
        f"{TITLES[work.model]}, torchrun restarts it",
    )
    note = f"{TITLES[work.model]}, {work.precision}, {work.warmup + work.steps} steps, deterministic"
    outcome.add("weights after it, and of a run left alone", "equal byte for byte" if equal else "differ", note)
    if not equal:
        raise ServerFault("the killed run's weights are not those of the run that was left alone")


def _train(work: Workload, folder: Path, meanwhile: Callable[[Launch], None]) -> None:
    arguments = [TRAINER, "--config", folder / "recipe.yaml"]
    with torchrun(
        "ours", arguments, processes=work.processes, threads=work.threads, log=folder / "log", max_restarts=1
    ) as launch:
        meanwhile(launch)
        launch.wait()


def _kill(launch: Launch, folder: Path) -> float:
    """After a first checkpoint and before the end; gives the seconds until a step is reported again."""
    file, saved = ours.metrics(folder), folder / "run" / run_folder.CHECKPOINTS
    _wait(launch, lambda: any(saved.glob("step-*")))
    (*_, worker) = launch.workers()
    killed_at = time.time()
    worker.kill()
    worker.wait()
    gone_at = time.time()
    _wait(launch, lambda: any(row["time"] > gone_at for row in ours.train_rows(file)))
    return next(row["time"] for row in ours.train_rows(file) if row["time"] > gone_at) - killed_at


def _wait(launch: Launch, condition: Callable[[], bool]) -> None:
    """The part's own time limit ends it."""
    while not condition():
        if launch.process.poll() is not None and not condition():
            launch.fail(f"ended with exit code {launch.process.returncode} before a worker was killed and replaced")
        time.sleep(0.01)


def _weights(folder: Path) -> bytes:
    return (folder / "run" / run_folder.MODEL / run_folder.WEIGHTS).read_bytes()
