"""`torchferry bench tune BUNDLE --p99-ms 50`: the server settings with the highest rate within a limit.

Searches variant, sessions x threads (TorchServe: workers), batch and delay, the most promising first, and gives up
early what cannot win. Writes the settings file that `torchferry up --settings` reads.
"""

import os
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import host, record
from torchferry.benchmarks.interruption import end_as, exit_code
from torchferry.benchmarks.interval import median_interval
from torchferry.benchmarks.load.options import add_sending, check, check_limit
from torchferry.benchmarks.load.sizes import summary
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.servers.samples import samples
from torchferry.benchmarks.tune.evidence import VERDICTS, Evidence
from torchferry.benchmarks.tune.search import Search
from torchferry.benchmarks.tune.space import grid, variants
from torchferry.benchmarks.tune.trial import Trials
from torchferry.benchmarks.tune.winner import check_settings, settings_text, write_settings
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.session.runtimes import SERVERS


@dataclass(frozen=True)
class Tuned:
    """What the settings are found for."""

    model: str
    sizes: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of the samples that are sent, by axis that varies."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench tune", description=__doc__)
    parser.add_argument("bundle", type=Path, help="made by torchferry export")
    parser.add_argument("--p99-ms", type=finite, required=True, help="the limit in milliseconds")
    parser.add_argument("--runtime", choices=SERVERS, default="onnx", help="default onnx")
    parser.add_argument("--gateway", choices=("nginx", "none"), default="nginx", help="TorchServe's (default nginx)")
    parser.add_argument("--variants", help="some of the accepted ones, with commas (default all that it serves)")
    parser.add_argument("--grid", action="store_true", help="measure every point fully: what the search is checked by")
    parser.add_argument("--resolution", type=finite, default=0.05, help="of a rate (default 0.05: 5 %%)")
    parser.add_argument("--settings-output", type=Path, default=Path("tuned.toml"), help="default tuned.toml")
    add_sending(parser, seconds=5)
    options = parser.parse_args(arguments)
    cpus = _check(options)
    bundle = bundles.load(options.bundle.absolute())
    names = variants(bundle, options.runtime, options.variants)
    cores = len(cpus or os.sched_getaffinity(0))
    points = grid(bundle, options.runtime, names, cores, options.p99_ms)
    evidence = Evidence(points, lambda line: print(line, flush=True))
    interrupted = None
    with tempfile.TemporaryDirectory(prefix="tune-", ignore_cleanup_errors=True) as folder:
        search = Search(Trials(bundle, options, cpus, Path(folder)), evidence, options.p99_ms, options.resolution)
        try:
            search.exhaustive() if options.grid else search.tune()
        except (KeyboardInterrupt, SystemExit) as error:
            interrupted = exit_code(error)
    conclude(search, Tuned(bundle.name, summary(bundle.inputs, list(samples(bundle)))), cores, options, interrupted)


def _check(options: Namespace) -> tuple[int, ...]:
    """The cores that are left for the server, if the generator stays on some. Raises UserError."""
    check(options)
    check_limit(options)
    check_settings(options.settings_output)
    options.output = options.output or _evidence_beside(options.settings_output)
    record.check(options)
    if os.path.realpath(options.output) == os.path.realpath(options.settings_output):
        raise UserError(f"--settings-output: {options.settings_output} is where the evidence goes; give another name")
    if options.runtime == "torchserve" and options.gateway == "nginx" and not shutil.which("nginx"):
        raise UserError("--gateway: nginx is not installed; install it, or give --gateway none")
    left = tuple(sorted(os.sched_getaffinity(0) - set(options.cpus))) if options.cpus else ()
    if options.cpus and not left:
        raise UserError("--cpus: leaves no core for the server; give the generator fewer")
    return left


def _evidence_beside(settings: Path) -> Path:
    """Raises UserError for a file there that is something else."""
    path = settings.with_suffix(".json")
    if path.exists() and not _is_evidence(path):
        raise UserError(f"--output: {path} exists and was not written by this; give another name")
    return path


def _is_evidence(path: Path) -> bool:
    try:
        return bool(record.read(path)[0]["benchmark"] == "tune")
    except UserError:
        return False


def results(search: Search, tuned: Tuned, cores: int, options: Namespace, interrupted: int | None) -> dict[str, Any]:
    """What goes into the JSON."""
    evidence, best = search.evidence, search.best
    return {
        "model": tuned.model,
        "sizes": tuned.sizes,
        "p99_ms": options.p99_ms,
        "runtime": options.runtime,
        "cores": cores,
        "grid": options.grid,
        "points": [asdict(entry) for entry in evidence.entries.values()],
        "course": [asdict(step) for step in evidence.course],
        "winner": best and asdict(best.point) | {"name": best.name},
        "rate": best and asdict(median_interval(best.rates)),
        "counts": {verdict: evidence.count(verdict) for verdict in VERDICTS},
        "probes": sum(len(entry.probes) for entry in evidence.entries.values()),
        "seconds": evidence.seconds,
        "interrupted": interrupted,
    }


def conclude(search: Search, tuned: Tuned, cores: int, options: Namespace, interrupted: int | None) -> None:
    """Say what was found, write the evidence and the settings, and end as the signal wants that came."""
    best, found = search.best, results(search, tuned, cores, options, interrupted)
    tried = ", ".join(f"{count} {verdict}" for verdict, count in found["counts"].items() if count)
    print(f"\n{tried}, in {found['seconds']:,.0f} s and {found['probes']} probes")
    if interrupted is not None:
        print("PARTIAL: no settings are written" + (f"; the best so far: {best.name}" if best else ""))
    elif best:
        rate = median_interval(best.rates)
        worth = f"p99 <= {options.p99_ms:g} ms up to {rate.median:,.4g} requests/s [{rate.low:,.4g}, {rate.high:,.4g}]"
        print(f"{best.name}: {worth}", flush=True)
    name = f"requests/s at p99 <= {options.p99_ms:g} ms"
    record.write("tune", options, found, {name: Figure(better="higher", values=best.rates)} if best else {})
    print(f"evidence     {options.output}", flush=True)
    end_as(interrupted)
    if not best:
        raise _nothing(search.evidence, options)
    machine = f"on {cores} of the {os.cpu_count()} cores of {host.describe()['processor']}"
    tables = settings_text(options.runtime, best.point, options.gateway)
    write_settings(options.settings_output, options.runtime, tables, options.bundle, [worth, machine])
    print(f"settings     {options.settings_output}")


def _nothing(evidence: Evidence, options: Namespace) -> Exception:
    """Why there are no settings."""
    failures = [entry.why for entry in evidence.entries.values() if entry.verdict == "failed"]
    if evidence.course:
        why = failures[-1] if failures else "give longer probes (--seconds), or a quieter machine"
        return ServerFault(f"what was best held no rate when it was measured again; {why}")
    if failures and not evidence.count("measured"):
        return ServerFault(f"none was measured; {failures[0]}")
    return UserError(f"--p99-ms: no settings keep p99 within {options.p99_ms:g} ms, at any rate that was tried")
