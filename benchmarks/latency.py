"""`torchferry bench latency http://127.0.0.1:8080 --model M --input IMAGE|random`: latency of one model.

Open loop at a set rate: every request has a send time that no answer can delay, and its latency counts from
there. With --connections instead of --rate a closed loop, labelled so. A result that does not count says why.
"""

import sys
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
    measure_closed,
    measure_open,
    refuse_a_rate_too_high,
    target_of,
)
from torchferry.benchmarks.load.server_metrics import ServerMetrics
from torchferry.benchmarks.load.sizes import words
from torchferry.benchmarks.load.table import table
from torchferry.errors import UserError


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench latency", description=__doc__)
    add_target(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--rate", type=finite, help="open loop: requests a second (default 50)")
    how.add_argument("--connections", type=int, help="closed loop: requests under way at any time")
    add_sending(parser)
    parser.add_argument("--metrics", metavar="URL", help="the server's Prometheus page, for the time in each stage")
    options = parser.parse_args(arguments)
    check(options)
    target = target_of(options)
    metrics = ServerMetrics(options.metrics, options.model) if options.metrics else None
    if options.connections:
        result = measure_closed(target, options.connections, options)
    else:
        result = measure_open(target, options.rate or 50, options)
    if metrics:
        result = _explained(result, metrics)
    print(table([result]))
    print(_remarks(result))
    record.write("latency", options, asdict(result), figures(result))
    end_as(result.interrupted)
    refuse_a_rate_too_high(result)


def _explained(result: Measurement, metrics: ServerMetrics) -> Measurement:
    """As it is if the page has gone: what was measured is worth more than its stages."""
    try:
        return metrics.explain(result)
    except UserError as error:
        print(f"torchferry: {error}; the result is without the stages it tells", file=sys.stderr)
        return result


def _remarks(result: Measurement) -> str:
    lines = [
        f"generator: {result.generator_lag_p99_ms:.2f} ms late at p99, {result.generator_cpu_cores:.2f} cores; "
        f"{result.payload_bytes:,} bytes sent and {result.answer_bytes:,} received per request"
    ]
    if result.sizes:
        share = "" if result.padding_share is None else f"; {result.padding_share:.1%} of what was computed was padding"
        lines += [f"sent: {'; '.join(words(result.sizes))}{share}"]
    if result.loop == "closed":
        lines += ["closed loop: a slow answer delays the requests behind it, so these percentiles hide queueing"]
    if result.stages_ms:
        lines += ["mean ms: " + ", ".join(f"{name} {value:.3f}" for name, value in result.stages_ms.items())]
    return "\n".join(lines)
