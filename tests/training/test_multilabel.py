"""Any number of labels for each sample, from a data set of one's own to a saved model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.commands import run_command
from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.models.saved import evaluation_data, load_model
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import as_numpy

SIDES = "tests.training.data.user_sets.Sides"
THRESHOLDS = {"thresholds": [0.4, 0.6]}
TASK = Component(name="multilabel", args=THRESHOLDS)


def data(**of_train: Any) -> dict[str, Any]:
    return {
        "train": {"name": SIDES, "args": of_train},
        "test": {"name": SIDES, "args": {"count": 20, "first": 1000}},
        "labels": ["left", "right"],
        "image": {"mode": "L", "height": 8, "width": 8},
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("multilabel")
    recipe = {
        "name": "sides",
        "task": {"name": "multilabel", "args": THRESHOLDS},
        "data": {"source": {"name": "dataset", "args": data()}, "batch_size": 8},
        "model": {"name": "mlp", "args": {"widths": [64, 2]}},
        "optimizer": {"name": "Adam", "args": {"lr": 0.05}},
        "epochs": 3,
        "metrics": {"port": None, "tensorboard": False},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    done = run_command("-m", "torchferry.training", "--config", folder / "recipe.yaml", "--runs_dir", folder)
    assert done.returncode == 0, done.stderr
    assert "sides: test micro_f1 1.0000, test macro_f1 1.0000, test map 1.0000 on 20 samples" in done.stdout
    return folder / "sides"


def test_it_is_evaluated_and_drawn(trained: Path) -> None:
    last = json.loads((trained / "metrics.jsonl").read_text().splitlines()[-1])
    assert {"loss", "micro_f1", "macro_f1", "map"} <= last.keys()
    assert {"predictions.png", "curves.png"} <= {path.name for path in trained.iterdir()}
    assert not (trained / "confusion.csv").exists()


def test_the_saved_model_says_its_settings_and_has_the_scores_it_claims(trained: Path) -> None:
    said = yaml.safe_load((trained / "model/model.yaml").read_text())
    assert said["task"] == {"name": "multilabel", "thresholds": [0.4, 0.6]}
    assert said["labels"] == ["left", "right"]
    model, card = load_model(trained)
    test = evaluation_data(card).test
    pictures, targets = (torch.stack(each) for each in zip(*(test[index] for index in range(20)), strict=True))
    with torch.no_grad():
        answers = as_numpy(half_of(card.task).answers(model(pictures)))
    values = card.task.measure(card.task.rows(answers, targets.numpy()))
    assert values == {name: card.result[name] for name in values}
    assert np.array_equal(card.task.counts(answers), card.task.counts_of(targets.numpy()))


def test_it_goes_on(trained: Path) -> None:
    options = ("--config", trained / "config.yaml", "--runs_dir", trained.parent, "--epochs", 4)
    done = run_command("-m", "torchferry.training", *options)
    assert done.returncode == 0, done.stderr
    assert "epoch 4/4" in done.stdout


def tried(task: Component, **of_train: Any) -> Any:
    """A run whose first epoch has been read."""
    source = Component(name="dataset", args=data(**of_train))
    model = Component(name="mlp", args={"widths": [64, 2]})
    run = tiny.build(task=task, data={"source": source}, model=model)
    return list(run.feed.epoch(0, 0))


def test_a_target_that_is_neither_0_nor_1_is_refused() -> None:
    assert len(tried(TASK)) == 10
    with pytest.raises(UserError, match=r"Sides\[3\]: y is a list of 2; 0 or 1 is expected for each of 2 labels$"):
        tried(TASK, wrong=3)


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ([0.5, 1.5], "1.5 is no threshold; give numbers from 0 to 1"),
        ("half", "'half' is no threshold"),
        ([0.5], "has 1 numbers; one for each of 2 labels is expected, or one for all"),
    ],
)
def test_wrong_thresholds_are_refused(thresholds: Any, words: str) -> None:
    with pytest.raises(UserError, match=f"^task.args.thresholds: {words}"):
        tried(Component(name="multilabel", args={"thresholds": thresholds}))
