"""Our trainer as a measured one: its recipe and the lines that it reports."""

import json
from pathlib import Path

from tests.benchmarks.training.given import workload
from torchferry.benchmarks.training import ours
from torchferry.training.config.cli import parse
from torchferry.training.config.recipe import Recipe


def parsed(file: Path) -> Recipe:
    return parse(["--config", str(file)])


def test_the_recipe_trains_the_steps_and_does_nothing_else(tmp_path: Path) -> None:
    recipe = parsed(ours.recipe(workload(warmup=5, steps=20, batch_size=32), tmp_path))
    assert recipe.max_steps == 25 <= recipe.epochs
    assert recipe.data.batch_size == 32
    assert recipe.data.device_resident
    assert recipe.evaluate_every_epochs is None
    assert (recipe.checkpoint.every_steps, recipe.checkpoint.every_epochs) == (None, None)
    assert (recipe.metrics.port, recipe.metrics.log_every, recipe.metrics.tensorboard) == (None, 10, False)
    assert recipe.run_dir / "metrics.jsonl" == ours.metrics(tmp_path)


def test_what_is_asked_for_goes_into_the_recipe(tmp_path: Path) -> None:
    work = workload(model="resnet18", samples=99, precision="bf16", channels_last=True, compile=True)
    saves = {"every_steps": 10, "asynchronous": False}
    recipe = parsed(ours.recipe(work, tmp_path, checkpoint=saves))
    assert recipe.data.source.args == {"size": 32, "samples": 99, "classes": 10}
    assert (recipe.step.precision, recipe.step.channels_last, recipe.step.compile) == ("bf16", True, True)
    assert (recipe.checkpoint.every_steps, recipe.checkpoint.asynchronous) == (10, False)
    # The next recipe is not changed by this one.
    assert parsed(ours.recipe(workload(model="resnet18"), tmp_path)).data.source.args["samples"] == 2048


def test_whole_lines_of_training_are_read(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    assert ours.train_rows(file) == []
    rows = [{"kind": "train", "step": step, "loss": 1.5} for step in (1, 2, 3)]
    lines = [json.dumps(row) for row in (rows[0], {"kind": "evaluate", "step": 1}, rows[1], rows[2])]
    # One writer was killed within a line, another is writing.
    file.write_text("\n".join([*lines[:3], '{"kind": "tra', lines[3], '{"kind": "train", "st']))
    assert ours.train_rows(file) == rows
