"""`torchferry bench sweep URL --model M --input FILE`: latency against the offered rate, up to saturation."""

from collections.abc import Sequence
from dataclasses import asdict

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.load.measurement import Measurement, figures
from torchferry.benchmarks.load.options import (
    add_sending,
    add_target,
    check,
    measure_open,
    refuse_a_rate_too_high,
    target_of,
)
from torchferry.benchmarks.load.steps import rising
from torchferry.benchmarks.load.table import table
from torchferry.benchmarks.record import Figure
from torchferry.errors import UserError


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench sweep", description=__doc__)
    add_target(parser)
    parser.add_argument("--rate", type=finite, default=50, help="the first, in requests a second (default 50)")
    parser.add_argument("--factor", type=finite, default=1.5, help="from one rate to the next (default 1.5)")
    add_sending(parser, seconds=5)
    options = parser.parse_args(arguments)
    check(options)
    if options.factor <= 1:
        raise UserError(f"--factor: {options.factor} is too small; give more than 1")
    target, results = target_of(options), list[Measurement]()
    for result in rising(lambda rate: measure_open(target, rate, options), options.rate, options.factor):
        lines = table([result]).splitlines()
        print("\n".join(lines if not results else lines[1:]), flush=True)
        results.append(result)
    found: dict[str, Figure] = {}
    for result in results:
        found |= figures(result, f" at {result.offered_rate:g}/s")
    record.write("sweep", options, [asdict(result) for result in results], found)
    end_as(results[-1].interrupted)
    refuse_a_rate_too_high(results[0], also_late=False)  # a later one is how a sweep may end
