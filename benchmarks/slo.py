"""`torchferry bench slo URL --model M --input FILE --p99-ms 50`: the highest rate that keeps a limit.

A rate is sustainable if all of it is answered, none with an error, and p99 is within the limit. It is found by
bisection, several times; the answer is the median, with a bootstrap interval over the repeats.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.interruption import end_as, exit_code
from torchferry.benchmarks.interval import Interval, median_interval
from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.load.options import add_sending, add_target, check, check_limit, measure_open, target_of
from torchferry.benchmarks.load.steps import highest
from torchferry.benchmarks.load.table import table
from torchferry.benchmarks.load.target import Target
from torchferry.benchmarks.record import Figure
from torchferry.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Sustainable:
    """Requests a second."""

    p99_ms: float
    rate: Interval | None
    """None if no repeat ended."""
    repeats: list[float]
    probes: list[list[Measurement]]
    """Of each repeat, and of the one that was interrupted."""
    interrupted: int | None
    """The exit code that belongs to the signal which ended it early, or None."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench slo", description=__doc__)
    add_target(parser)
    parser.add_argument("--p99-ms", type=finite, required=True, help="the limit in milliseconds")
    parser.add_argument("--rate", type=finite, default=50, help="to begin with (default 50)")
    parser.add_argument("--resolution", type=finite, default=0.05, help="where bisection ends (default 0.05: 5 %%)")
    parser.add_argument("--repeats", type=int, default=3, help="of the whole search (default 3)")
    add_sending(parser, seconds=5)
    options = parser.parse_args(arguments)
    check(options)
    check_limit(options)
    if options.repeats <= 0:
        raise UserError(f"--repeats: {options.repeats} is too small; give more than 0")
    found = find(target_of(options), options)
    name = f"requests/s at p99 <= {found.p99_ms:g} ms"
    figures = {name: Figure(better="higher", values=found.repeats)} if found.repeats else {}
    print(f"\n{_line(found)}")
    record.write("slo", options, asdict(found), figures)
    end_as(found.interrupted)


def find(target: Target, options: argparse.Namespace) -> Sustainable:
    """What was found in all repeats, or in those before a signal ended it early."""
    rates: list[float] = []
    probes: list[list[Measurement]] = []
    first, interrupted = options.rate, None
    while len(rates) < options.repeats and interrupted is None:
        probes.append([])
        rate, interrupted = _search(target, first, probes[-1], options)
        if interrupted is None:
            rates.append(rate)
            first = rate or options.rate
    return Sustainable(
        p99_ms=options.p99_ms,
        rate=median_interval(rates) if rates else None,
        repeats=rates,
        probes=probes,
        interrupted=interrupted,
    )


def _search(
    target: Target, first: float, made: list[Measurement], options: argparse.Namespace
) -> tuple[float, int | None]:
    """One repeat, whose measurements go to `made` as they come; and the exit code of a signal that ended it early."""

    def probe(rate: float) -> Measurement:
        made.append(measure_open(target, rate, options))
        print(table([made[-1]]).splitlines()[1], flush=True)
        return made[-1]

    try:
        rate, _ = highest(probe, first, options.p99_ms, options.resolution)
    except (KeyboardInterrupt, SystemExit) as error:  # between two rates, where no measurement takes it
        return 0.0, exit_code(error)
    return rate, made[-1].interrupted


def _line(found: Sustainable) -> str:
    partial = "" if found.interrupted is None else f"PARTIAL, {len(found.repeats)} repeats ended: "
    if found.rate is None:
        return f"{partial}no rate for p99 <= {found.p99_ms:g} ms"
    low, high = found.rate.low, found.rate.high
    return f"{partial}p99 <= {found.p99_ms:g} ms up to {found.rate.median:,.1f} requests/s [{low:,.1f}, {high:,.1f}]"
