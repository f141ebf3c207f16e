"""The cost of saving: the trainer's throughput with checkpoints over that without any, measured in turn."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from torchferry.benchmarks.interval import Interval, paired_ratio
from torchferry.benchmarks.rounds import alternate, column
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.workload import Workload

PERIODS = 4  # saves in a run that is not told its steps


@dataclass(frozen=True, kw_only=True)
class Saving:
    """Our trainer with one way to save."""

    saves: str
    workload: Workload
    every_steps: int
    samples_per_second: float
    """The median over the rounds."""
    to_none: Interval
    """Its throughput over that without saves; what is missing to 1 is the cost."""
    rounds: list[float]


def measure(work: Workload, every_steps: int, options: argparse.Namespace) -> list[Saving]:
    # The clock starts and stops half-way between two saves, so the last one is paid for too.
    half = every_steps // 2
    steps = options.steps or PERIODS * every_steps
    work = replace(work, warmup=half, steps=steps, log_every=max(n for n in range(1, 11) if half % n == 0))
    ways = {
        "none": {},
        "asynchronous": {"every_steps": every_steps, "asynchronous": True},
        "synchronous": {"every_steps": every_steps, "asynchronous": False},
    }
    measures = {name: partial(ours.measure, work, checkpoint=way) for name, way in ways.items()}
    title = f"{work.model} x {work.processes}, saving"
    found = alternate(measures, options.rounds, title=title, scratch=options.scratch).whole()
    rates = {name: column(results, "samples_per_second") for name, results in found.items()}
    return [
        Saving(
            saves=name,
            workload=work,
            every_steps=every_steps,
            samples_per_second=median(rate),
            to_none=paired_ratio(rate, rates["none"]),
            rounds=rate,
        )
        for name, rate in rates.items()
    ]


def table(results: Sequence[Saving]) -> str:
    lines = [f"{'model':10} {'processes':>9}  {'saves':14} {'every':>5} {'samples/s':>10} {'cost':>24}  rounds"]
    for result in results:
        name = f"{result.workload.model:10} {result.workload.processes:9}  {result.saves:14} {result.every_steps:5}"
        ratio = result.to_none
        cost = f"{1 - ratio.median:.1%} [{1 - ratio.high:.1%}, {1 - ratio.low:.1%}]"
        lines.append(f"{name} {result.samples_per_second:10,.0f} {cost:>24}  {len(result.rounds)}")
    return "\n".join(lines)
