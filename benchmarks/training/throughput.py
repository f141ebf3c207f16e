"""`torchferry bench training`: our trainer's throughput beside a bare loop's, Lightning Fabric's and accelerate's.

The same network, data, optimizer and precision; the trainers run in turn, each in a torchrun of its own, and
are compared within each round.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from statistics import median

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.interval import Interval, paired_ratio
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.rounds import alternate, column
from torchferry.benchmarks.training.contestants import CONTESTANTS, chosen
from torchferry.benchmarks.training.trainers.systems import SYSTEMS
from torchferry.benchmarks.training.workload import Workload, add_options, check, workloads
from torchferry.errors import UserError

BACKWARD_AND_FORWARD = 3  # the gradient costs twice the forward pass


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One trainer at one workload."""

    trainer: str
    workload: Workload
    samples_per_second: float
    """The median over the rounds."""
    to_bare: Interval | None
    """Its throughput over the bare loop's."""
    ours_to_it: Interval | None
    first_loss: float
    """Of the first optimizer step; of the first report, where the trainer is ours."""
    model_flops_utilization: float | None
    rounds: list[float]


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench training", description=__doc__)
    add_options(parser, models="digits,resnet18", processes="1,2")
    names = ",".join(CONTESTANTS)
    parser.add_argument("--trainers", default=names, help=f"in this order (default {names})")
    parser.add_argument("--peak-tflops", type=finite, help="of one device; the table then has the share of it in use")
    parser.add_argument(
        "--malloc",
        type=_mallocs,
        default="own,kept",
        help="own: only our trainer keeps freed memory, as is its default; kept: all do (default both, a table each)",
    )
    options = parser.parse_args(arguments)
    check(options)
    if options.peak_tflops is not None and options.peak_tflops <= 0:
        raise UserError(f"--peak-tflops: {options.peak_tflops} is too small; give a number above 0")
    trainers = chosen(options.trainers.split(","))
    results = []
    # Alternated by workload: the machine may change between the two.
    for work in [replace(work, malloc=malloc) for work in workloads(options) for malloc in options.malloc]:
        title = f"{work.model} x {work.processes}, malloc {work.malloc}"
        measures = {name: partial(trainer, work) for name, trainer in trainers.items()}
        rounds = alternate(measures, options.rounds, title=title, scratch=options.scratch).whole()
        results += compare(work, rounds, options.peak_tflops)
    for malloc in options.malloc:
        print(f"malloc {malloc}\n{table([result for result in results if result.workload.malloc == malloc])}")
    figures = {
        f"{result.workload.model} x {result.workload.processes}, {result.trainer}, {_named(result)}samples/s": Figure(
            better="higher", values=result.rounds
        )
        for result in results
    }
    record.write("training", options, [asdict(result) for result in results], figures)


def _named(result: Comparison) -> str:
    """Nothing for what earlier results hold too."""
    return "malloc kept, " if result.workload.malloc == "kept" else ""


def _mallocs(text: str) -> list[str]:
    if not set(names := text.split(",")) <= {"own", "kept"}:
        raise argparse.ArgumentTypeError(f"'{text}' is not of own, kept")
    return names


def compare(work: Workload, rounds: dict[str, list[dict[str, float]]], peak_tflops: float | None) -> list[Comparison]:
    rates = {name: column(results, "samples_per_second") for name, results in rounds.items()}
    comparisons = []
    for name, rate in rates.items():
        middle = median(rate)
        tflops = middle * SYSTEMS[work.model].forward_gflop * BACKWARD_AND_FORWARD / 1000
        comparison = Comparison(
            trainer=name,
            workload=work,
            samples_per_second=middle,
            to_bare=paired_ratio(rate, rates["bare"]) if "bare" in rates else None,
            ours_to_it=paired_ratio(rates["ours"], rate) if "ours" in rates else None,
            first_loss=rounds[name][0]["first_loss"],
            model_flops_utilization=tflops / (peak_tflops * work.processes) if peak_tflops else None,
            rounds=rate,
        )
        comparisons.append(comparison)
    return comparisons


def table(results: Sequence[Comparison]) -> str:
    ratios = f"{'to the bare loop':>22} {'ours to it':>22}"
    lines = [f"{'model':10} {'processes':>9}  {'trainer':10} {'samples/s':>10} {ratios}  rounds"]
    for result in results:
        name = f"{result.workload.model:10} {result.workload.processes:9}  {result.trainer:10}"
        ratios = f"{result.to_bare or '-'!s:>22} {result.ours_to_it or '-'!s:>22}"
        used = result.model_flops_utilization
        share = "" if used is None else f"  MFU {used:.1%}"
        lines.append(f"{name} {result.samples_per_second:10,.0f} {ratios}  {len(result.rounds)}{share}")
    return "\n".join(lines)
