"""`torchferry bench soak URL --model M --input FILE --rate 100 --minutes 60 --metrics URL`: what drifts.

One long open loop. Latency and, from the server's metrics or its process id, memory are fitted with a line that
outliers do not move (Theil-Sen); a drift is one whose 95 % interval leaves out zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
import psutil

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.load.drift import drift, told
from torchferry.benchmarks.load.measurement import figures
from torchferry.benchmarks.load.options import (
    add_sending,
    add_target,
    check,
    measure_open,
    refuse_a_rate_too_high,
    target_of,
)
from torchferry.benchmarks.load.server_metrics import read_sums, resident_bytes
from torchferry.benchmarks.load.table import table
from torchferry.benchmarks.load.watch import Watch
from torchferry.benchmarks.record import Figure
from torchferry.errors import UserError

BETWEEN = 5.0  # seconds between two looks at the memory, or a sixtieth of a short soak
MEGABYTE = 1e6


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench soak", description=__doc__)
    add_target(parser)
    parser.add_argument("--rate", type=finite, default=50, help="requests a second (default 50)")
    parser.add_argument("--minutes", type=finite, default=60, help="how long (default 60)")
    parser.add_argument("--metrics", metavar="URL", help="the server's Prometheus page, for its memory")
    parser.add_argument("--pid", type=int, help="the server's process, for its memory and that of its children")
    add_sending(parser)
    options = parser.parse_args(arguments)
    if options.minutes <= 0:
        raise UserError(f"--minutes: {options.minutes} is too small; give more than 0")
    options.seconds = 60 * options.minutes
    check(options)
    look = _memory(options.metrics, options.pid, options.model)
    target = target_of(options)
    with Watch(look, min(BETWEEN, options.seconds / 60)) as watch:
        result = measure_open(target, options.rate, options)
    print(table([result]))
    starts = [window.start / 60 for window in result.windows if window.p99_ms is not None]
    drifts = {
        "p50": drift(starts, [window.p50_ms for window in result.windows if window.p50_ms is not None]),
        "p99": drift(starts, [window.p99_ms for window in result.windows if window.p99_ms is not None]),
    }
    units = {"p50": "ms", "p99": "ms", "memory": "MB"}
    if look:
        drifts["memory"] = drift([at / 60 for at in watch.times], [value / MEGABYTE for value in watch.values])
    for name, found in drifts.items():
        print(f"{name}: {told(found, units[name])}")
    content = {
        "measurement": asdict(result),
        "drifts": {name: found and asdict(found) for name, found in drifts.items()},
        "memory": {"seconds": watch.times, "bytes": watch.values},
    }
    compared = figures(result)
    if watch.values:
        compared["memory MB"] = Figure(better="lower", values=[value / MEGABYTE for value in watch.values])
    record.write("soak", options, content, compared)
    end_as(result.interrupted)
    refuse_a_rate_too_high(result, also_late=False)


def _memory(metrics: str | None, pid: int | None, model: str) -> Callable[[], float] | None:
    if pid is not None:
        try:
            process = psutil.Process(pid)
        except (psutil.Error, ValueError) as error:
            raise UserError(f"--pid: there is no process {pid}") from error
        return lambda: float(sum(one.memory_info().rss for one in (process, *process.children(recursive=True))))
    if metrics is None:
        return None
    if resident_bytes(read_sums(metrics, model)) is None:
        raise UserError(f"--metrics: {metrics} does not give process_resident_memory_bytes; give --pid")
    return lambda: resident_bytes(read_sums(metrics, model)) or float(np.nan)
