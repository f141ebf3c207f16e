"""The command line that all measurements of a server share, and a measurement from it."""

import argparse
import math
import os
from pathlib import Path

import numpy as np

from torchferry.arguments import finite
from torchferry.benchmarks import record
from torchferry.benchmarks.load.arrivals import ARRIVALS
from torchferry.benchmarks.load.bar import bar
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.generator import Senders, offer_closed, offer_open
from torchferry.benchmarks.load.measurement import SENT, Measurement, measurement
from torchferry.benchmarks.load.sizes import FORMS, GivenSizes
from torchferry.benchmarks.load.target import PROTOCOLS, Asked, Target, prepare
from torchferry.errors import UserError

MOST_REQUESTS = 50_000_000  # of one run: 8 bytes each, several times
MOST_CONNECTIONS = 4096
FINEST = 0.001  # step between two rates: no measurement tells closer ones apart
SENT_BY_ONE = {False: 15_000, True: 2500}  # requests a second of one process, over HTTP and over gRPC


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", help="http://HOST:PORT, or HOST:PORT for gRPC")
    parser.add_argument("--model", required=True)
    parser.add_argument("--model-version", default="", help="default the server's own choice")
    parser.add_argument("--protocol", choices=list(PROTOCOLS), default="predictions", help="default predictions")
    parser.add_argument("--input", required=True, help="an image, an .npz of arrays, a folder of these, or 'random'")
    parser.add_argument(
        "--sizes",
        action="append",
        default=[],
        metavar="[AXIS=]DISTRIBUTION",
        help=f"of random samples on an axis that varies, such as tokens=8..128: {FORMS}; may be repeated",
    )
    parser.add_argument("--batch", type=int, default=1, help="samples in a request (default 1)")
    parser.add_argument("--header", action="append", default=[], help="'Name: value' to send with every request")
    parser.add_argument("--ca", type=Path, help="certificate of the authority behind https or grpcs (PEM)")


def add_sending(parser: argparse.ArgumentParser, *, seconds: float = 10) -> None:
    parser.add_argument("--arrivals", choices=list(ARRIVALS), default="poisson")
    parser.add_argument("--seconds", type=finite, default=seconds, help=f"how long (default {seconds:g})")
    parser.add_argument("--warmup", type=finite, default=1, help="seconds before that, not counted (default 1)")
    parser.add_argument("--processes", type=int, help="that send (default as many as the rate needs)")
    parser.add_argument("--cpus", type=_cpus, default=(), help="cores that the generator stays on, such as 0,1")
    parser.add_argument("--timeout", type=finite, default=30, help="seconds to wait for an answer (default 30)")
    parser.add_argument("--output", "-o", type=Path, help="write the result as JSON here")


def check(options: argparse.Namespace) -> None:
    """Raise UserError for values that make no sense."""
    record.check(options)
    for name in ("rate", "seconds", "warmup", "connections", "processes", "batch", "timeout"):
        value = getattr(options, name, None)
        if value is not None and (value < 0 if name == "warmup" else value <= 0):
            raise UserError(f"--{name}: {value} is too small; give a number above 0")


def check_limit(options: argparse.Namespace) -> None:
    """Raise UserError for a limit, or a step of the search for it, that makes no sense."""
    if options.p99_ms <= 0:
        raise UserError(f"--p99-ms: {options.p99_ms} is too small; give more than 0")
    if options.resolution < FINEST:
        raise UserError(f"--resolution: {options.resolution} is too small; give {FINEST} or more")


def target_of(options: argparse.Namespace) -> Target:
    """Raises UserError for a server, a model or an input that will not do."""
    asked = Asked(
        endpoint=parse_endpoint(options.url, options.ca, options.header),
        model=options.model,
        version=options.model_version,
        input=None if options.input == "random" else Path(options.input),
        batch=options.batch,
        timeout=options.timeout,
        sizes=[GivenSizes.of(words) for words in options.sizes],
    )
    return prepare(options.protocol, asked)


def measure_open(target: Target, rate: float, options: argparse.Namespace, title: str = "") -> Measurement:
    """Warm up and measure at `rate` requests a second. Raises UserError."""
    if rate * (options.warmup + options.seconds) > MOST_REQUESTS:
        raise UserError(f"--rate: {rate:,.6g} a second is more than {MOST_REQUESTS:,} requests in all; give less")
    schedule = ARRIVALS[options.arrivals]
    warmup = schedule(rate, options.warmup) if options.warmup else np.empty(0)
    # One schedule, cut afterwards: between the two nothing pauses.
    arrivals = np.concatenate([warmup, options.warmup + schedule(rate, options.seconds)])
    needed = min(os.cpu_count() or 1, math.ceil(rate / SENT_BY_ONE[target.method is not None]))
    senders = _senders(options, needed, MOST_CONNECTIONS)
    with bar(title or f"{rate:,.6g}/s", options.warmup + options.seconds) as progress:
        load = offer_open(target, arrivals, senders, progress)
    return measurement(load, target, rate, None, options.warmup)


def measure_closed(target: Target, connections: int, options: argparse.Namespace, title: str = "") -> Measurement:
    """Warm up and measure with so many connections, each of which sends when its answer has come."""
    seconds = options.warmup + options.seconds
    with bar(title or f"{connections} connections", seconds) as progress:
        load = offer_closed(target, seconds, _senders(options, 1, connections), progress)
    return measurement(load, target, None, connections, options.warmup)


def refuse_a_rate_too_high(result: Measurement, *, also_late: bool = True) -> None:
    """Raise UserError for a result that is void because of what sends; for one whose requests were answered at that
    rate, some of them sent late, only if `also_late`: over a long time every machine has such a moment."""
    kept_up = result.offered_rate is not None and result.achieved_rate > SENT * result.offered_rate
    if result.void and "generator" in result.void and (also_late or not kept_up):
        raise UserError(f"--rate: {result.offered_rate:,.6g} a second is void: {result.void}; ask for less")


def _senders(options: argparse.Namespace, processes: int, connections: int) -> Senders:
    return Senders(
        processes=options.processes or processes,
        connections=connections,
        cpus=options.cpus,
        timeout=options.timeout,
    )


def _cpus(text: str) -> tuple[int, ...]:
    try:
        cpus = tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of cores, such as 0,1") from error
    if unknown := set(cpus) - os.sched_getaffinity(0):
        raise argparse.ArgumentTypeError(f"this process may not use core {min(unknown)}")
    return cpus
