"""`torchferry bench gpu`, or `python -m benchmarks gpu` in a checkout: what the trainer does on this machine's GPUs.

NCCL, every precision and layout, SIGKILL and resume, images a second beside a bare loop, CIFAR-10 to an accuracy: a
table to paste, in ten minutes at the most, without a network or an installation.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torchferry
from torchferry.arguments import Parser, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.gpu import cifar, collectives, devices, kill, modes, table, throughput
from torchferry.benchmarks.gpu.part import Outcome, Part, run_part
from torchferry.benchmarks.gpu.setting import Setting
from torchferry.benchmarks.interruption import end_as, exit_code
from torchferry.benchmarks.record import Figure
from torchferry.errors import ServerFault, UserError

PARTS = (
    Part("nccl", 90, collectives.run),
    Part("resnet50", 150, throughput.resnet50),
    Part("cifar10", 150, cifar.run),
    Part("kill", 150, kill.run),
    Part("resnet18", 120, throughput.resnet18),
    Part("modes", 200, modes.run),
)
"""What a person asks for first stands first, because what comes last may find no time."""
NAMES = ",".join(part.name for part in PARTS)
MINUTES = 10.0
TO_STOP = 45
"""Seconds that a part which is stopped may need to end its processes."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench gpu", description=__doc__)
    _add_options(parser)
    options = parser.parse_args(arguments)
    _check(options)
    _prepare_children(options.device)
    found = devices.found() if options.device == "cuda" else devices.cpu()
    if options.device == "cuda" and not found.names:
        raise UserError(f"no GPU: torch {found.torch} finds none here; --device cpu --small tries the parts on the CPU")
    try:
        options.scratch.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--scratch: {options.scratch} cannot be made ({error.strerror})") from error
    parts = [part for part in PARTS if part.name in options.parts]
    outcomes: list[Outcome] = []
    with TemporaryDirectory(prefix="gpu-", dir=options.scratch, ignore_cleanup_errors=True) as scratch:
        setting = _setting(options, found, Path(scratch).resolve())
        interrupted = _run(parts, setting, options.minutes * 60 - TO_STOP, outcomes)
        # Before the scratch folder is cleared, which takes a while on some disks.
        print(table.table(setting, outcomes), flush=True)
        record.write("gpu", options, table.results(setting, outcomes), _figures(outcomes))
    end_as(interrupted)
    if failed := [outcome.part for outcome in outcomes if outcome.failed]:
        raise ServerFault(f"failed: {', '.join(failed)}; the table says how")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", type=_parts, default=NAMES, help=f"which (default {NAMES})")
    parser.add_argument(
        "--cifar", type=Path, help="CIFAR-10's JPEG copies: a folder with train/CLASS and test/CLASS, or its .tar.gz"
    )
    parser.add_argument("--accuracy", type=finite, default=0.8, help="that the seconds are counted to (default 0.8)")
    parser.add_argument("--minutes", type=finite, default=MINUTES, help=f"for everything (default {MINUTES:.0f})")
    parser.add_argument("--rounds", type=int, default=2, help="of what is measured beside a bare loop (default 2)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu goes with --small")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that the parts run; no figures")
    parser.add_argument("--scratch", type=Path, default=Path("runs"), help="folder for run folders (default runs)")
    parser.add_argument("--output", type=Path, help="write the result as JSON here")


def _check(options: argparse.Namespace) -> None:
    record.check(options)
    if options.device == "cpu" and not options.small:
        raise UserError("--device: cpu would take hours; add --small, which tries the parts and measures nothing")
    if options.cifar is not None and not options.cifar.exists():
        raise UserError(f"--cifar: {options.cifar} does not exist")
    if not 0 < options.accuracy <= 1:
        raise UserError(f"--accuracy: {options.accuracy} is not between 0 and 1; give a share such as 0.8")
    if options.minutes < 1:
        raise UserError(f"--minutes: {options.minutes} is too small; give 1 or more")
    if options.rounds < 1:
        raise UserError(f"--rounds: {options.rounds} is too small; give 1 or more")


def _prepare_children(device: str) -> None:
    """They import us without an installation, and see no GPU where the CPU was asked for."""
    root = Path(torchferry.__file__).resolve().parents[1]
    if Path.cwd() != root:  # where they look first
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _setting(options: argparse.Namespace, found: devices.Devices, scratch: Path) -> Setting:
    return Setting(
        devices=found,
        small=options.small,
        rounds=1 if options.small else options.rounds,
        cifar=options.cifar or cifar.beside(),
        accuracy=options.accuracy,
        scratch=scratch,
    )


def _run(parts: Sequence[Part], setting: Setting, seconds: float, outcomes: list[Outcome]) -> int | None:
    """Fills `outcomes`; the exit code of a signal that ended them early, or None."""
    ends = time.monotonic() + seconds
    try:
        for part in parts:
            print(f"{part.name}: {part.seconds:.0f} s at the most", file=sys.stderr, flush=True)
            outcomes.append(run_part(part, setting, ends - time.monotonic()))
    except (KeyboardInterrupt, SystemExit) as error:
        rest = parts[len(outcomes) :]
        outcomes += [Outcome(part.name, left_out=[f"{part.name}: interrupted"]) for part in rest]
        return exit_code(error)
    return None


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    lines = [line for outcome in outcomes for line in outcome.lines]
    return {line.what: Figure(better="higher", values=[line.value]) for line in lines if line.value is not None}


def _parts(text: str) -> list[str]:
    names, known = text.split(","), [part.name for part in PARTS]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"there is no part '{unknown[0]}'; choose of {', '.join(known)}")
    return names
