"""`torchferry bench servers BUNDLE`: our servers beside others, the same model behind each.

In turn, each is started, asked by one connection and by 16 in a closed loop, and stopped. One that cannot be
installed or started is listed with the reason. What is not ours gets an environment of its own, but for TorchServe.
"""

import argparse
import dataclasses
import os
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.load.options import add_sending, check
from torchferry.benchmarks.rounds import alternate
from torchferry.benchmarks.servers.contestant import CONNECTIONS, PEERS, Contestant, name_of
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.samples import write_samples
from torchferry.benchmarks.servers.table import figures, rows, table
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.session.runtimes import FIRST, ONNXRUNTIME, rows_of

BATCHING = {"off": 1, "on": 8}  # requests computed together
TINY_MS = 1.0  # of a call: a second thread does not make it shorter


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench servers", description=__doc__)
    parser.add_argument("bundle", type=Path, help="made by torchferry export")
    parser.add_argument("--servers", default=",".join(PEERS), help=f"with commas (default {','.join(PEERS)})")
    parser.add_argument("--variant", default=FIRST, help=f"of the bundle, for ONNX Runtime (default {FIRST})")
    parser.add_argument("--rounds", type=int, default=5, help="in which each is started once (default 5)")
    parser.add_argument("--to", help="one of the rows, to which the others are compared (default the first of ours)")
    parser.add_argument(
        "--batch", dest="batching", type=_batching, default=("off",), help="off, on or off,on (default off)"
    )
    parser.add_argument("--rates", type=_rates, default=(), help="also p50 and p99 at these requests/s, such as 50,200")
    parser.add_argument("--slo-ms", type=finite, help="also search for the highest rate whose p99 is within it")
    add_sending(parser, seconds=5)
    options = parser.parse_args(arguments)
    check(options)
    peers, base = _peers(options), _base(options)
    bundle = bundles.load(options.bundle.absolute())
    _check(options, bundle)
    with tempfile.TemporaryDirectory(prefix="servers-", ignore_cleanup_errors=True) as folder:
        job = _job(bundle, options, Path(folder))
        contestants = [Contestant(peer, of, options) for of in _batching_or_not(job, options) for peer in peers]
        measures = {peer.name: peer.measure for peer in contestants if not peer.failure}
        rounds = alternate(measures, options.rounds, title="servers", scratch=job.folder)
    if not rounds.finished:
        end_as(rounds.interrupted)
    found = rows(contestants, rounds.of, base)
    missing = {peer.name: peer.failure for peer in contestants if peer.failure}
    if not found:
        raise ServerFault("none was measured; " + "; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    print(_heading(job, rounds.finished, options))
    print(table(found, options.rates))
    for name, reason in missing.items():
        print(f"{name} is missing: {reason}")
    content = {
        "model": bundle.name,
        "measured": [row.record() for row in found],
        "missing": missing,
        "interrupted": rounds.interrupted,
    }
    record.write("servers", options, content, figures(found))
    end_as(rounds.interrupted)


def _heading(job: Job, rounds: int, options: Namespace) -> str:
    partial = "PARTIAL, " if rounds < options.rounds else ""
    return (
        f"{partial}{job.bundle.name} {job.variant}: medians of {rounds} rounds; p50 and p99 with 1 connection, the "
        f"rest with {CONNECTIONS}, each for {options.seconds:g} s;\n"
        f"{len(os.sched_getaffinity(0))} cores, of which the load generator takes its part"
    )


def _peers(options: Namespace) -> list[str]:
    peers = list(dict.fromkeys(options.servers.split(",")))
    if unknown := [peer for peer in peers if peer not in PEERS]:
        raise UserError(f"--servers: there is no '{unknown[0]}'; choose of {', '.join(PEERS)}")
    return peers


def _base(options: Namespace) -> str:
    """Whom the others are compared to."""
    names = [name_of(peer, batching=mode == "on") for mode in options.batching for peer in _peers(options)]
    if options.to and options.to not in names:
        raise UserError(f"--to: '{options.to}' is not measured; give one of --servers: {', '.join(names)}")
    return options.to or name_of("ours", batching=options.batching[0] == "on")


def _check(options: Namespace, bundle: Bundle) -> None:
    choice = [runtime.variant for runtime in rows_of(bundle.accepted) if runtime.package == ONNXRUNTIME]
    if options.variant not in choice:
        found = ", ".join(choice) or "none"
        raise UserError(f"--variant: {options.bundle} has no accepted '{options.variant}' that is ONNX, only {found}")
    for name in ("rounds", "slo_ms"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise UserError(f"--{name.replace('_', '-')}: {value} is too small; give a number above 0")
    if options.cpus and not _left(options):
        raise UserError("--cpus: leaves no core for the servers; give the generator fewer")


def _batching(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(text.split(",")))
    if not set(words) <= set(BATCHING):
        raise argparse.ArgumentTypeError(f"'{text}' is not off, on, or off,on")
    return words


def _rates(text: str) -> tuple[float, ...]:
    try:
        rates = tuple(dict.fromkeys(finite(word) for word in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of rates, such as 50,200") from error
    if min(rates) <= 0:
        raise argparse.ArgumentTypeError(f"{min(rates):g} is too small; give numbers above 0")
    return rates


def _batching_or_not(job: Job, options: Namespace) -> Iterator[Job]:
    """The job as it is to be done in each mode, with a folder for what is made in it."""
    for mode in options.batching:
        folder = job.folder / f"batch-{mode}"
        folder.mkdir()
        yield dataclasses.replace(job, max_batch=BATCHING[mode], folder=folder)


def _left(options: Namespace) -> tuple[int, ...]:
    """Cores that the generator does not stay on, if it stays on some."""
    return tuple(sorted(os.sched_getaffinity(0) - set(options.cpus))) if options.cpus else ()


def _job(bundle: Bundle, options: Namespace, folder: Path) -> Job:
    variant, cpus = bundle.variants[options.variant], _left(options)
    tiny = variant.speed.batch_1_ms < TINY_MS
    tensors, bodies = folder / "tensors", folder / "bodies"
    write_samples(bundle, tensors, bodies)
    return Job(
        bundle=bundle,
        variant=options.variant,
        model=bundle.variant_file(options.variant),
        threads=1 if tiny else len(cpus or os.sched_getaffinity(0)),
        cpus=cpus,
        tensors=tensors,
        bodies=bodies,
        folder=folder,
        timeout=options.timeout,
    )
