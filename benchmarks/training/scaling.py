"""`torchferry bench scaling`: our trainer and a bare loop at 1 to N processes, each with a batch of the same size.

Weak scaling: the efficiency at N processes is their throughput over N times that of one.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

from torchferry.arguments import Parser
from torchferry.benchmarks import record
from torchferry.benchmarks.interval import Interval, paired_ratio
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.rounds import alternate, column
from torchferry.benchmarks.training.contestants import Contestant, chosen
from torchferry.benchmarks.training.trainers.systems import SYSTEMS
from torchferry.benchmarks.training.workload import add_options, check, cores_each, workload
from torchferry.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One trainer at one number of processes."""

    model: str
    trainer: str
    processes: int
    threads: int
    """Of each process; the same at every number of processes."""
    batch_size: int
    """Of each process."""
    samples_per_second: float
    """The median over the rounds."""
    efficiency: Interval
    rounds: list[float]


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench scaling", description=__doc__)
    counts = ",".join(str(n) for n in range(1, min(8, len(os.sched_getaffinity(0))) + 1))
    add_options(parser, models="resnet18", processes=counts)
    parser.add_argument("--trainers", default="ours,bare", help="in this order (default ours,bare)")
    options = parser.parse_args(arguments)
    check(options)
    if options.processes[0] != 1:
        raise UserError(f"--processes: begins with {options.processes[0]}; 1 has to be the first, to compare with")
    trainers = chosen(options.trainers.split(","))
    results = [found for model in options.models for found in measure(options, model, trainers)]
    print(table(results))
    figures = {
        f"{result.model} x {result.processes}, {result.trainer}, samples/s": Figure(
            better="higher", values=result.rounds
        )
        for result in results
    }
    record.write("scaling", options, [asdict(result) for result in results], figures)


def measure(options: argparse.Namespace, model: str, trainers: Mapping[str, Contestant]) -> list[Scaling]:
    threads = options.threads or cores_each(max(options.processes))
    # --batch-size counts for each process here, as the same share for all is what weak scaling means.
    share = options.batch_size or SYSTEMS[model].batch_size
    works = {n: workload(options, model, n, batch_size=n * share, threads=threads) for n in options.processes}
    measures = {
        f"{name} x {n}": partial(trainer, work) for n, work in works.items() for name, trainer in trainers.items()
    }
    rounds = alternate(measures, options.rounds, title=model, scratch=options.scratch).whole()
    rates = {name: column(found, "samples_per_second") for name, found in rounds.items()}
    return [
        Scaling(
            model=model,
            trainer=name,
            processes=n,
            threads=threads,
            batch_size=share,
            samples_per_second=median(rates[f"{name} x {n}"]),
            efficiency=paired_ratio(rates[f"{name} x {n}"], [n * alone for alone in rates[f"{name} x 1"]]),
            rounds=rates[f"{name} x {n}"],
        )
        for name in trainers
        for n in options.processes
    ]


def table(results: Sequence[Scaling]) -> str:
    lines = [f"{'model':10} {'trainer':10} {'processes':>9} {'samples/s':>10} {'efficiency':>22}  rounds"]
    for result in results:
        name = f"{result.model:10} {result.trainer:10} {result.processes:9}"
        lines.append(f"{name} {result.samples_per_second:10,.0f} {result.efficiency!s:>22}  {len(result.rounds)}")
    return "\n".join(lines)
