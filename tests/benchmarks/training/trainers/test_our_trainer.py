"""Without jsonargparse a recipe's file becomes the same Recipe, and without all that it can lack the trainer trains."""

import json
from pathlib import Path

import pytest

from tests.commands import RECIPES, run_python
from tests.some import some
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.trainers.our_trainer import read
from torchferry.training.config.cli import parse, to_yaml


def test_every_recipe_is_read_as_the_command_line_reads_it() -> None:
    for file in some(RECIPES.glob("*.yaml")):
        assert read(["--config", str(file)]) == parse(["--config", str(file)]), file.name


def test_so_is_the_resolved_recipe_of_a_run_folder(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(parse(["--config", str(RECIPES / "resnet18-finetune.yaml")])))
    assert read(["--config", str(file)]) == parse(["--config", str(file)])


WITHOUT_THEM = """
import sys
from torchferry.benchmarks.training.trainers import our_trainer, stand_ins
stand_ins.missing = lambda: list(stand_ins.WITHOUT)
sys.meta_path.insert(0, stand_ins.StandIns())  # before the packages that are here after all
our_trainer.main()
"""


@pytest.mark.slow
def test_it_trains_saves_and_goes_on_where_every_package_is_missing_that_may_be(tmp_path: Path) -> None:
    source = {"name": "torchferry.benchmarks.training.trainers.images.random_images",
              "args": {"size": 8, "samples": 8, "classes": 3}}  # fmt: skip
    content = {
        "name": "run",
        "runs_dir": str(tmp_path),
        "epochs": 2,
        "data": {"source": source, "batch_size": 4},
        "model": {"name": "mlp", "args": {"widths": [192, 3]}},
        "optimizer": {"name": "SGD", "args": {"lr": 0.01}},
        "metrics": {"port": None, "tensorboard": False},
    }
    for epochs in (1, 2):
        file = ours.write(content, tmp_path, epochs=epochs)
        done = run_python("-c", WITHOUT_THEM, "--config", file)
        assert done.returncode == 0, done.stderr
    rows = ours.rows_of("test", tmp_path / "run" / "metrics.jsonl")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert json.loads((tmp_path / "run" / "model" / "model.yaml").read_text())["step"] == 4
    assert not list((tmp_path / "run").glob("*.png"))
