"""`python -m benchmarks slo URL --model M --input FILE --p99-ms 50`: the highest rate that keeps a limit.

A rate is sustainable if all of it is answered, none with an error, and p99 is within the limit. It is found by
bisection, several times; the answer is the median, with a bootstrap interval over the repeats.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks import record
from benchmarks.interval import Interval, median_interval
from benchmarks.load.measurement import Measurement
from benchmarks.load.options import add_sending, add_target, check, measure_open, target_of
from benchmarks.load.steps import highest
from benchmarks.load.table import table
from benchmarks.load.target import Target
from benchmarks.record import Figure
from serving.arguments import Parser, finite
from serving.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Sustainable:
    """Requests a second."""

    p99_ms: float
    rate: Interval
    repeats: list[float]
    probes: list[list[Measurement]]
    """Of each repeat."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="python -m benchmarks slo", description=__doc__)
    add_target(parser)
    parser.add_argument("--p99-ms", type=finite, required=True, help="the limit in milliseconds")
    parser.add_argument("--rate", type=finite, default=50, help="to begin with (default 50)")
    parser.add_argument("--resolution", type=finite, default=0.05, help="where bisection ends (default 0.05: 5 %%)")
    parser.add_argument("--repeats", type=int, default=3, help="of the whole search (default 3)")
    add_sending(parser, seconds=5)
    options = parser.parse_args(arguments)
    check(options)
    for name in ("p99_ms", "resolution", "repeats"):
        if getattr(options, name) <= 0:
            raise UserError(f"--{name.replace('_', '-')}: {getattr(options, name)} is too small; give more than 0")
    found, code = find(target_of(options), options)
    if found:
        low, high = found.rate.low, found.rate.high
        print(f"\np99 <= {found.p99_ms:g} ms up to {found.rate.median:,.1f} requests/s [{low:,.1f}, {high:,.1f}]")
        figures = {f"requests/s at p99 <= {found.p99_ms:g} ms": Figure(better="higher", values=found.repeats)}
        record.write("slo", options, asdict(found), figures)
    if code:
        sys.exit(code)


def find(target: Target, options: argparse.Namespace) -> tuple[Sustainable | None, int | None]:
    """What was found in all repeats that ended, and the exit code of the signal that ended it early."""
    rates: list[float] = []
    probes: list[list[Measurement]] = []
    first = options.rate
    for _ in range(options.repeats):
        rate, made = highest(lambda rate: _shown(target, rate, options), first, options.p99_ms, options.resolution)
        if code := made[-1].interrupted:
            return _summary(rates, probes, options), code
        rates, probes = [*rates, rate], [*probes, made]
        first = rate or options.rate
    return _summary(rates, probes, options), None


def _shown(target: Target, rate: float, options: argparse.Namespace) -> Measurement:
    result = measure_open(target, rate, options)
    print(table([result]).splitlines()[1], flush=True)
    return result


def _summary(
    rates: Sequence[float], probes: Sequence[list[Measurement]], options: argparse.Namespace
) -> Sustainable | None:
    if not rates:
        return None
    interval = median_interval(rates)
    return Sustainable(p99_ms=options.p99_ms, rate=interval, repeats=list(rates), probes=list(probes))
