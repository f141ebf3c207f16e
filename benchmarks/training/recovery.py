"""The time from the SIGKILL of a worker to the next optimizer step.

Beside it the restart of a worker that only enters the process group, which is what torchrun itself takes.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median

import psutil

from torchferry import run_folder
from torchferry.benchmarks.rounds import alternate, column
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.torchrun import Launch, torchrun
from torchferry.benchmarks.training.workload import Workload

EVERY_STEPS = 10
NEVER_ENDING = 1_000_000  # steps
RESTARTS = 3
PATIENCE = 180  # seconds


@dataclass(frozen=True, kw_only=True)
class Recovery:
    workload: Workload
    ours_seconds: float
    """The median over the rounds."""
    torchrun_seconds: float
    """The same of a worker that only enters the process group."""
    steps_repeated: float
    """Taken before the kill, and again after it."""
    rounds: dict[str, list[dict[str, float]]]


def measure(work: Workload, options: argparse.Namespace) -> Recovery:
    work = replace(work, steps=NEVER_ENDING, log_every=1)
    measures = {
        "ours": partial(_trainer, work, cycle(range(work.processes))),
        "torchrun": partial(_least, work, cycle(range(work.processes))),
    }
    title = f"{work.model} x {work.processes}, recovery"
    rounds = alternate(measures, options.rounds, title=title, scratch=options.scratch).whole()
    return Recovery(
        workload=work,
        ours_seconds=median(column(rounds["ours"], "seconds")),
        torchrun_seconds=median(column(rounds["torchrun"], "seconds")),
        steps_repeated=median(column(rounds["ours"], "steps_repeated")),
        rounds=rounds,
    )


def table(results: Sequence[Recovery]) -> str:
    lines = [
        f"{'model':10} {'processes':>9} {'SIGKILL to next step s':>23} {'torchrun alone s':>17} {'steps repeated':>15}"
    ]
    for result in results:
        name = f"{result.workload.model:10} {result.workload.processes:9}"
        lines.append(
            f"{name} {result.ours_seconds:23.1f} {result.torchrun_seconds:17.1f} {result.steps_repeated:15.0f}"
        )
    return "\n".join(lines)


def _trainer(work: Workload, ranks: Iterator[int], folder: Path) -> dict[str, float]:
    """Killed half-way between two checkpoints, once the first of them is durable."""
    metrics, saved = ours.metrics(folder), folder / "run" / run_folder.CHECKPOINTS
    arguments = ["torchferry.training", "--config", ours.recipe(work, folder, checkpoint={"every_steps": EVERY_STEPS})]

    def half_way() -> bool:
        rows = ours.train_rows(metrics)
        return any(saved.glob("step-*")) and rows[-1]["step"] % EVERY_STEPS == EVERY_STEPS // 2

    return _killed(work, arguments, next(ranks), metrics, half_way, folder / "log")


def _least(work: Workload, ranks: Iterator[int], folder: Path) -> dict[str, float]:
    file = folder / run_folder.METRICS
    arguments = ["torchferry.benchmarks.training.trainers.restart", file]
    return _killed(work, arguments, next(ranks), file, lambda: bool(ours.train_rows(file)), folder / "log")


def _killed(
    work: Workload, arguments: Sequence[object], rank: int, metrics: Path, ready: Callable[[], bool], log: Path
) -> dict[str, float]:
    """Start it, kill the worker of that rank when `ready`, and wait for the first report after that."""
    with torchrun(
        str(arguments[0]), arguments, processes=work.processes, threads=work.threads, log=log, max_restarts=RESTARTS
    ) as launch:
        _wait(ready, launch)
        workers = launch.workers()
        killed_at = time.time()
        workers[rank].kill()
        psutil.wait_procs(workers, timeout=PATIENCE)
        # By time, not by line: what the others reported in their last moments is no recovery, and the trainer
        # may take back the lines of steps that it takes again.
        gone_at, last = time.time(), ours.train_rows(metrics)[-1]

        def since() -> list[dict[str, float]]:
            return [row for row in ours.train_rows(metrics) if row["time"] > gone_at]

        _wait(lambda: bool(since()), launch)
        first = since()[0]
    return {"seconds": first["time"] - killed_at, "steps_repeated": last["step"] + 1 - first["step"], "rank": rank}


def _wait(condition: Callable[[], bool], launch: Launch) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if launch.process.poll() is not None:
            launch.fail(f"ended early, with exit code {launch.process.returncode}")
        if time.monotonic() > deadline:
            launch.fail(f"did not go on within {PATIENCE} s")
        time.sleep(0.01)
