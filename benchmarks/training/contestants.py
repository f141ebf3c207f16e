"""The trainers that are measured, by name: each is a function of a workload and a folder of its own."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.torchrun import torchrun
from torchferry.benchmarks.training.workload import Workload
from torchferry.errors import UserError

Contestant = Callable[[Workload, Path], dict[str, float]]

NEEDS = {"fabric": "lightning_fabric", "accelerate": "accelerate"}


def _beside(name: str, module: str) -> Contestant:
    def measure(work: Workload, folder: Path) -> dict[str, float]:
        result, log = folder / "result.json", folder / "log"
        arguments = [f"torchferry.benchmarks.training.trainers.{module}", *_words(work), "--result", result]
        with torchrun(
            name, arguments, processes=work.processes, threads=work.threads, log=log, environment=work.environment
        ) as launch:
            launch.wait()
        return dict(json.loads(result.read_text()))

    return measure


def _words(work: Workload) -> list[object]:
    words: list[object] = ["--model", work.model, "--batch-size", work.batch_size, "--precision", work.precision]
    words += ["--warmup", work.warmup, "--steps", work.steps]
    words += ["--samples", work.samples] if work.samples is not None else []
    words += ["--channels-last"] if work.channels_last else []
    return words + (["--compile"] if work.compile else [])


CONTESTANTS: dict[str, Contestant] = {
    "ours": ours.measure,
    "bare": _beside("bare", "bare"),
    "fabric": _beside("fabric", "fabric"),
    "accelerate": _beside("accelerate", "accelerate_loop"),
}


def chosen(names: Sequence[str]) -> dict[str, Contestant]:
    """Raises UserError for a name that is unknown, or whose library is missing."""
    for name in names:
        if name not in CONTESTANTS:
            raise UserError(f"--trainers: there is no '{name}'; choose of {', '.join(CONTESTANTS)}")
        if importlib.util.find_spec(NEEDS.get(name, "torch")) is None:
            raise UserError(f'--trainers: {name} is not installed; pip install ".[bench]" or leave it out')
    return {name: CONTESTANTS[name] for name in names}
