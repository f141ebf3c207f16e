"""The workload of one run of a trainer, and the command-line options for it."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from torchferry.benchmarks import record
from torchferry.benchmarks.training.trainers.systems import SYSTEMS
from torchferry.errors import UserError
from torchferry.malloc import ENVIRONMENT


@dataclass(frozen=True, kw_only=True)
class Workload:
    model: str
    processes: int
    threads: int
    """Of each process, on the CPU."""
    batch_size: int
    """Samples in one optimizer step, over all processes together."""
    warmup: int
    """Optimizer steps before the clock starts."""
    steps: int
    """Optimizer steps that are timed."""
    precision: str
    channels_last: bool
    compile: bool
    samples: int | None
    """Training samples, where the data are made up; None for the usual number."""
    log_every: int
    """Optimizer steps between two reports of our trainer; the others report nothing."""
    malloc: str = "own"
    """own: each trainer's, where only ours keeps freed memory; kept: all do, by glibc's environment variables."""

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in ENVIRONMENT.items()} if self.malloc == "kept" else {}


def add_options(parser: argparse.ArgumentParser, *, models: str, processes: str) -> None:
    parser.add_argument("--models", type=_names, default=models, help=f"of {', '.join(SYSTEMS)} (default {models})")
    parser.add_argument(
        "--processes", type=_counts, default=processes, help=f"how many on this machine (default {processes})"
    )
    parser.add_argument("--threads", type=int, help="of each process (default: all cores are shared out)")
    parser.add_argument("--rounds", type=int, default=5, help="each trainer runs once in every round (default 5)")
    parser.add_argument("--steps", type=int, help="timed optimizer steps in a run (default: by model)")
    parser.add_argument("--warmup", type=int, default=20, help="optimizer steps before that (default 20)")
    parser.add_argument("--batch-size", type=int, help="of all processes together (default: by model)")
    parser.add_argument("--samples", type=int, help="training images, where they are made up (default: by model)")
    parser.add_argument("--log-every", type=int, default=10, help="steps between our trainer's reports (default 10)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--scratch", type=Path, default=Path("runs"), help="folder for run folders (default runs)")
    parser.add_argument("--output", type=Path, help="write the result as JSON here")


def check(options: argparse.Namespace) -> None:
    record.check(options)
    if options.samples is not None and "digits" in options.models:
        raise UserError("--samples: digits are real data, of which there are no more and no fewer; leave it out")
    for name in ("rounds", "steps", "warmup", "batch_size", "samples", "log_every", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')}: {value} is too small; give 1 or more")
    try:
        options.scratch.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--scratch: {options.scratch} cannot be made ({error.strerror})") from error


def workloads(options: argparse.Namespace) -> list[Workload]:
    """Every model at every number of processes, with the same batch of all processes together."""
    return [
        workload(
            options,
            model,
            processes,
            batch_size=options.batch_size or SYSTEMS[model].batch_size,
            threads=options.threads or cores_each(processes),
        )
        for model in options.models
        for processes in options.processes
    ]


def workload(options: argparse.Namespace, model: str, processes: int, *, batch_size: int, threads: int) -> Workload:
    """Raises UserError for a batch that the processes cannot share, or that the data do not fill."""
    samples = options.samples or SYSTEMS[model].samples
    if batch_size % processes:
        raise UserError(f"--batch-size: {batch_size} cannot be shared by {processes} processes; give a multiple")
    if batch_size > samples:
        raise UserError(f"--batch-size: {batch_size} is more than the {samples} training samples of {model}")
    return Workload(
        model=model,
        processes=processes,
        threads=threads,
        batch_size=batch_size,
        warmup=options.warmup,
        steps=options.steps or SYSTEMS[model].steps,
        precision=options.precision,
        channels_last=options.channels_last,
        compile=options.compile,
        samples=options.samples,
        log_every=options.log_every,
    )


def cores_each(processes: int) -> int:
    return max(1, len(os.sched_getaffinity(0)) // processes)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise argparse.ArgumentTypeError(f"there is no model '{unknown[0]}'; choose of {', '.join(SYSTEMS)}")
    return names


def _counts(text: str) -> list[int]:
    try:
        counts = [int(word) for word in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number, nor several with commas") from error
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"{min(counts)} is too small; give 1 or more")
    return counts
