"""`torchferry bench checkpoint`: what saving costs, and how soon a run goes on after a worker was killed."""

from collections.abc import Sequence
from dataclasses import asdict

from torchferry.arguments import Parser
from torchferry.benchmarks import record
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.rounds import column
from torchferry.benchmarks.training import recovery, saving
from torchferry.benchmarks.training.workload import add_options, check, workloads
from torchferry.errors import UserError


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench checkpoint", description=__doc__)
    add_options(parser, models="resnet18", processes="2")
    parser.add_argument("--every-steps", type=int, default=50, help="steps between two saves (default 50)")
    parser.add_argument("--only", choices=("saving", "recovery"), help="leave the other out")
    options = parser.parse_args(arguments)
    check(options)
    if options.every_steps < 2:
        raise UserError(f"--every-steps: {options.every_steps} is too small; give 2 or more")
    works, results = workloads(options), {}
    figures: dict[str, Figure] = {}
    if options.only != "recovery":
        savings = [found for work in works for found in saving.measure(work, options.every_steps, options)]
        print(saving.table(savings), flush=True)
        figures |= {
            f"{found.workload.model} x {found.workload.processes}, saves {found.saves}, samples/s": Figure(
                better="higher", values=found.rounds
            )
            for found in savings
        }
        results["saving"] = [asdict(found) for found in savings]
    if options.only != "saving":
        recoveries = [recovery.measure(work, options) for work in works]
        print(recovery.table(recoveries), flush=True)
        figures |= {
            f"{found.workload.model} x {found.workload.processes}, recovery s": Figure(
                better="lower", values=column(found.rounds["ours"], "seconds")
            )
            for found in recoveries
        }
        results["recovery"] = [asdict(found) for found in recoveries]
    record.write("checkpoint", options, results, figures)
