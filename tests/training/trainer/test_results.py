"""A finished run leaves its pictures, confusion.csv and a model that says what it is."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.training import tiny
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import GateConfig
from torchferry.training.evaluation import Evaluation
from torchferry.training.models.saved import load_model
from torchferry.training.trainer.results import leave_results

COUNTS = np.array([[5.0, 1, 0], [0, 6, 0], [2, 0, 2]])
POINTS = np.zeros((16, 1)), np.arange(16.0)[:, None]


@pytest.fixture(autouse=True)
def metrics(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    rows = [{"kind": "test", "step": step, "loss": 1 / step, "accuracy": 0.5, "r2": 0.5} for step in (1, 2)]
    (tmp_path / "tiny" / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def result(**changes: Any) -> Evaluation:
    given: dict[str, Any] = {
        "split": "test",
        "samples": 16,
        "corrupt": 0,
        "values": {"loss": 0.5, "accuracy": 13 / 16},
        "score": 13 / 16,
        "sums": {"confusion": COUNTS},
        "shown": [],
    }
    return Evaluation(**given | changes)


def test_classes_leave_a_confusion_and_a_model_with_its_card(tmp_path: Path) -> None:
    run = tiny.build(runs_dir=tmp_path, gate=GateConfig(max_abs_diff=0.01))
    run.progress.step = 7
    leave_results(run, run.model, result())
    folder = tmp_path / "tiny"
    names = {path.name for path in folder.iterdir()}
    assert names == {"metrics.jsonl", "curves.png", "confusion.png", "confusion.csv", "model"}
    with (folder / "confusion.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["true", "x", "y", "z"], ["x", "5", "1", "0"], ["y", "0", "6", "0"], ["z", "2", "0", "2"]]
    model, card = load_model(folder)
    assert (card.name, card.step, card.labels) == ("tiny", 7, ("x", "y", "z"))
    assert (card.result, card.gate) == ({"loss": 0.5, "accuracy": 13 / 16}, {"max_abs_diff": 0.01})
    assert card.data == Component(name="tests.training.tiny.corners")
    sample = torch.rand(2, 3)
    assert torch.equal(model(sample), run.model(sample))


def test_values_leave_a_picture_of_points_and_no_confusion(tmp_path: Path) -> None:
    run = tiny.build("sums", runs_dir=tmp_path, task="regression")
    values = {"loss": 0.1, "r2": 0.9}
    leave_results(run, run.model, result(values=values, score=0.9, sums={}, points=POINTS))
    names = {path.name for path in (tmp_path / "tiny").iterdir()}
    assert names == {"metrics.jsonl", "curves.png", "predictions.png", "model"}
    assert yaml.safe_load((tmp_path / "tiny/model/model.yaml").read_text())["task"] == "regression"


def test_the_model_comes_last_because_it_says_that_the_run_is_finished(tmp_path: Path) -> None:
    run = tiny.build("sums", runs_dir=tmp_path, task="regression")
    (tmp_path / "tiny" / "predictions.png").mkdir()
    with pytest.raises(OSError, match=r"predictions\.png"):
        leave_results(run, run.model, result(sums={}, points=POINTS))
    assert not (tmp_path / "tiny" / "model").exists()
