"""Our own trainer as a measured one: its recipe, its command and the figures in its metrics.jsonl."""

import json
from pathlib import Path
from typing import Any

import yaml

from torchferry import run_folder
from torchferry.benchmarks.training.torchrun import torchrun
from torchferry.benchmarks.training.trainers.systems import SYSTEMS, Part
from torchferry.benchmarks.training.workload import Workload

NEVER = None


def recipe(work: Workload, folder: Path, *, checkpoint: dict[str, Any] | None = None) -> Path:
    """Writes a recipe that trains `work` and does nothing beside it, but for what `checkpoint` asks."""
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
        "checkpoint": {"every_steps": NEVER, "every_epochs": NEVER} | (checkpoint or {}),
        "metrics": {"port": None, "log_every": work.log_every, "tensorboard": False},
    }
    step = {
        key: value for key, value in {"channels_last": work.channels_last, "compile": work.compile}.items() if value
    } | ({"precision": work.precision} if work.precision != "fp32" else {})
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(content | ({"step": step} if step else {})))
    return file


def metrics(folder: Path) -> Path:
    return folder / "run" / run_folder.METRICS


def train_rows(file: Path) -> list[dict[str, Any]]:
    """The whole lines of kind train so far; none before the file is there."""
    if not file.exists():
        return []
    rows = []
    for line in file.read_text().splitlines(keepends=True):
        try:
            row = json.loads(line)
        except ValueError:  # a line that is being written, or whose writer was killed
            continue
        if row["kind"] == "train":
            rows.append(row)
    return rows


def measure(work: Workload, folder: Path, *, checkpoint: dict[str, Any] | None = None) -> dict[str, float]:
    """Train once; samples a second between the first report after the warm-up and the last one."""
    file, log = recipe(work, folder, checkpoint=checkpoint), folder / "log"
    arguments = ["torchferry.training", "--config", file]
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
    return {"samples_per_second": rate, "first_loss": rows[0]["loss"]}


def _component(part: Part) -> dict[str, Any]:
    return {"name": part.path, "args": dict(part.args)}
