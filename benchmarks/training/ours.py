"""Our own trainer as a measured one: its recipe, its command and the figures in its metrics.jsonl."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchferry import run_folder
from torchferry.benchmarks.training.torchrun import torchrun
from torchferry.benchmarks.training.trainers.systems import SYSTEMS, Part
from torchferry.benchmarks.training.workload import Workload

NEVER = None
TRAINER = "torchferry.training"
"""The module that torchrun starts."""


def recipe(work: Workload, folder: Path, **changes: Any) -> Path:
    """Writes a recipe that trains `work` and does nothing beside it, but for what `changes` to its keys ask."""
    system = SYSTEMS[work.model]
    source = _component(system.source)
    if work.samples is not None:
        source["args"] |= {"samples": work.samples}
    content: dict[str, Any] = {
        "name": "run",
        "runs_dir": str(folder),
        # As many as there can be; the steps end the run.
        "epochs": work.warmup + work.steps,
        "max_steps": work.warmup + work.steps,
        "evaluate_every_epochs": NEVER,
        "data": {"source": source, "batch_size": work.batch_size, "device_resident": True},
        "model": _component(system.network),
        "loss": {"name": "cross_entropy"},
        "optimizer": _component(system.optimizer),
        "schedule": {"name": "constant"},
        "checkpoint": {"every_steps": NEVER, "every_epochs": NEVER},
        "metrics": {"port": None, "log_every": work.log_every, "tensorboard": False},
    }
    step = {"channels_last": work.channels_last, "compile": work.compile, "precision": work.precision}
    content["step"] = {key: value for key, value in step.items() if value not in (False, "fp32")}
    return write(content, folder, **changes)


def write(content: Mapping[str, Any], folder: Path, **changes: Any) -> Path:
    """With `changes` to its keys, those of sections one by one.

    As JSON, which is YAML too, so that nothing but the trainer needs a package for it.
    """
    merged = {key: {**content.get(key, {}), **new} if isinstance(new, Mapping) else new for key, new in changes.items()}
    file = folder / "recipe.yaml"
    file.write_text(json.dumps({**content, **merged}, indent=2))
    return file


def metrics(folder: Path) -> Path:
    return folder / "run" / run_folder.METRICS


def train_rows(file: Path) -> list[dict[str, Any]]:
    return rows_of("train", file)


def rows_of(kind: str, file: Path) -> list[dict[str, Any]]:
    """The whole lines of that kind so far; none before the file is there."""
    if not file.exists():
        return []
    rows = []
    for line in file.read_text().splitlines(keepends=True):
        try:
            row = json.loads(line)
        except ValueError:  # a line that is being written, or whose writer was killed
            continue
        if row["kind"] == kind:
            rows.append(row)
    return rows


def measure(work: Workload, folder: Path, *, trainer: str = TRAINER, **changes: Any) -> dict[str, float]:
    """Train once; samples a second between the first report after the warm-up and the last one."""
    file, log = recipe(work, folder, **changes), folder / "log"
    arguments = [trainer, "--config", file]
    with torchrun(
        "ours", arguments, processes=work.processes, threads=work.threads, log=log, environment=work.environment
    ) as launch:
        launch.wait()
        rows = train_rows(metrics(folder))
        steady = [row for row in rows if row["step"] >= work.warmup]
        if len(steady) < 2:
            launch.fail("reported less than twice after the warm-up")
    samples = (steady[-1]["step"] - steady[0]["step"]) * work.batch_size
    rate = samples / (steady[-1]["time"] - steady[0]["time"])
    return {"samples_per_second": rate, "first_loss": rows[0]["loss"], "last_loss": rows[-1]["loss"]}


def _component(part: Part) -> dict[str, Any]:
    return {"name": part.path, "args": dict(part.args)}
