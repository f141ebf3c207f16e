"""`python -m benchmarks latency http://127.0.0.1:8080 --model M --input IMAGE`: latency at a set rate.

Open loop: every request has a send time that no answer can delay, and its latency counts from there. The
result is void if the generator or the server could not keep up with the rate.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from benchmarks import host
from benchmarks.arrivals import ARRIVALS
from benchmarks.generator import Load, offer
from serving.arguments import Parser, finite
from serving.client import Client, GrpcClient, RestClient
from serving.errors import UserError

PERCENTILES = (50, 90, 99, 99.9)
MAX_MICROSECONDS = 600_000_000
CLIENTS: dict[str, type[RestClient] | type[GrpcClient]] = {"predictions": RestClient, "grpc": GrpcClient}


@dataclass(frozen=True, kw_only=True)
class Latency:
    """One measurement; times are in milliseconds, rates in requests a second."""

    model: str
    protocol: str
    offered_rate: float
    achieved_rate: float
    requests: int
    errors: int
    first_error: str | None
    void: str | None
    """Why the figures do not count; None if they do."""
    percentiles_ms: dict[str, float]
    mean_ms: float
    generator_lag_p99_ms: float
    """How late the generator itself sent."""
    generator_cpu_cores: float
    payload_bytes: int


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="python -m benchmarks latency", description=__doc__)
    parser.add_argument("url", help="http://HOST:PORT for REST, HOST:PORT for gRPC")
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", type=Path, required=True, help="an image file, sent with every request")
    parser.add_argument("--protocol", choices=list(CLIENTS), default="predictions", help="default predictions (REST)")
    parser.add_argument("--rate", type=finite, default=50, help="requests a second (default 50)")
    parser.add_argument("--seconds", type=finite, default=10, help="how long (default 10)")
    parser.add_argument("--warmup", type=finite, default=1, help="seconds before that, not counted (default 1)")
    parser.add_argument("--arrivals", choices=list(ARRIVALS), default="poisson")
    parser.add_argument("--connections", type=int, default=16, help="requests in flight at the most (default 16)")
    parser.add_argument("--output", type=Path, help="write the result as JSON here")
    options = parser.parse_args(arguments)
    _check(options)
    try:
        body = options.input.read_bytes()
    except OSError as error:
        raise UserError(f"--input: {options.input} cannot be read ({error.strerror})") from error
    with CLIENTS[options.protocol](options.url) as client:
        result = measure(client, body, options)
    print(table([result]))
    if options.output:
        options.output.write_text(json.dumps({"machine": host.describe(), **asdict(result)}, indent=2) + "\n")


def measure(client: Client, body: bytes, options: Any) -> Latency:
    """Warm up, then measure. Raises UserError or ServerFault if a first request is not answered well."""
    client.predict(options.model, body)
    schedule = ARRIVALS[options.arrivals]
    warmup = schedule(options.rate, options.warmup)
    # One schedule, cut afterwards: between the two nothing pauses.
    arrivals = np.concatenate([warmup, options.warmup + schedule(options.rate, options.seconds)])
    load = offer(lambda: client.predict(options.model, body), arrivals, options.connections)
    return _summary(load, len(warmup), arrivals, body, options)


def _summary(load: Load, warmup: int, arrivals: np.ndarray, body: bytes, options: Any) -> Latency:
    latency = load.latency[warmup:]
    answered = latency[~np.isnan(latency)]
    histogram = HdrHistogram(1, MAX_MICROSECONDS, 3)
    for value in answered:
        histogram.record_value(min(MAX_MICROSECONDS, max(1, round(value * 1e6))))
    span = arrivals[-1] - arrivals[warmup]
    # By how much sending itself fell behind: with all connections waiting, requests go out late. Over the last
    # tenth, because a single late one is a hiccup of the machine, not a rate that cannot be kept.
    behind = float(np.median(load.lag[warmup:][-max(1, len(latency) // 10) :]))
    kept = span / (span + behind) if span else 1.0
    lag = float(np.percentile(load.lag[warmup:], 99)) * 1000
    return Latency(
        model=options.model,
        protocol=options.protocol,
        offered_rate=options.rate,
        achieved_rate=len(answered) / (load.seconds - arrivals[warmup]),
        requests=len(latency),
        errors=len(latency) - len(answered),
        first_error=load.first_error,
        void=_void(kept, len(latency) - len(answered)),
        percentiles_ms={f"p{p}": histogram.get_value_at_percentile(p) / 1000 for p in PERCENTILES},
        mean_ms=float(answered.mean()) * 1000 if len(answered) else float("nan"),
        generator_lag_p99_ms=lag,
        generator_cpu_cores=load.cpu_seconds / load.seconds,
        payload_bytes=len(body),
    )


def _void(kept: float, errors: int) -> str | None:
    if errors:
        return f"{errors} requests failed"
    return f"only {kept:.0%} of the offered rate was sent" if kept < 0.99 else None


def table(results: Sequence[Latency]) -> str:
    lines = [f"{'model':20} {'protocol':12} {'rate/s':>8} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'requests':>9}"]
    for result in results:
        p = result.percentiles_ms
        lines.append(
            f"{result.model:20} {result.protocol:12} {result.achieved_rate:8.1f} {p['p50']:8.2f} {p['p90']:8.2f} "
            f"{p['p99']:8.2f} {result.requests:9}" + (f"  VOID: {result.void}" if result.void else "")
        )
    return "\n".join(lines)


def _check(options: argparse.Namespace) -> None:
    if options.output and not options.output.parent.is_dir():
        raise UserError(f"--output: {options.output.parent} is not a folder; make it first")
    for name in ("rate", "seconds", "warmup", "connections"):
        if getattr(options, name) <= 0:
            raise UserError(f"--{name}: {getattr(options, name)} is too small; give a number above 0")
