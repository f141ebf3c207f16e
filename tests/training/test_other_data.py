"""Runs that go on after something that they depend on has changed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from tests.commands import Done, run_command
from tests.some import some

QUIET = ("--metrics.port", "null", "--metrics.tensorboard", "false")


def train(runs: Path, *options: object, config: Path) -> Done:
    return run_command("-m", "torchferry.training", "--config", config, "--runs_dir", runs, *QUIET, *options)


def recipe(folder: Path, source: Mapping[str, object], **keys: object) -> Path:
    content: dict[str, object] = {
        "name": "that",
        "data": {"source": source, "batch_size": 8},
        "optimizer": {"name": "SGD", "args": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}},
        "schedule": {"name": "constant"},
    }
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(content | keys))
    return file


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Red cats and blue dogs in class folders, and a recipe that learns them."""
    for split, count in (("train", 16), ("test", 4)):
        for label, colour in (("cat", (250, 0, 0)), ("dog", (0, 0, 250))):
            (tmp_path / "pets" / split / label).mkdir(parents=True)
            for index in range(count):
                picture = Image.new("RGB", (8, 8), tuple(max(0, part - index) for part in colour))
                picture.save(tmp_path / "pets" / split / label / f"{index}.png")
    source = {"name": "image_folder", "args": {"root": str(tmp_path / "pets"), "height": 8, "width": 8}}
    return recipe(tmp_path, source, model={"name": "mlp", "args": {"widths": [192, 2]}}, epochs=3)


def test_a_class_that_was_renamed_is_refused_with_both_lists(pets: Path, tmp_path: Path) -> None:
    assert "test accuracy 100.00%" in train(tmp_path, config=pets).stdout
    for split in ("train", "test"):
        (tmp_path / "pets" / split / "dog").rename(tmp_path / "pets" / split / "bulldog")
    done = train(tmp_path, "--epochs", 4, config=pets)
    assert done.returncode == 2
    assert "its classes are [bulldog, cat]; " in done.stderr
    assert "was trained on [cat, dog]; give the old ones their names back" in done.stderr


def test_pictures_that_came_are_said_and_the_epochs_are_counted_as_asked(pets: Path, tmp_path: Path) -> None:
    train(tmp_path, config=pets)
    for index in range(16, 40):
        Image.new("RGB", (8, 8), (250 - index, 0, 0)).save(tmp_path / "pets" / "train" / "cat" / f"{index}.png")
    done = train(tmp_path, "--epochs", 5, config=pets)
    assert done.returncode == 0, done.stderr
    assert "that: 56 training samples now, 32 before\n" in done.stdout
    assert "epoch 5/5" in done.stdout
    assert "after 26 steps" in done.stdout  # 3 epochs of 4 steps, 2 of 7


def points(size: int, seed: int = 0) -> torch.utils.data.TensorDataset:
    inputs = torch.randn(size, 4, generator=torch.Generator().manual_seed(seed))
    return torch.utils.data.TensorDataset(inputs, (inputs.sum(dim=1) > 0).long())


@pytest.fixture
def known(tmp_path: Path) -> Path:
    both = {split: {"name": f"{__name__}.points", "args": {"size": 64, "seed": seed}}
            for split, seed in (("train", 0), ("test", 1))}  # fmt: skip
    source = {"name": "dataset", "args": {**both, "labels": 2, "shape": [4]}}
    return recipe(tmp_path, source, model={"name": "linear", "args": {"in_features": 4, "out_features": 2}})


def rows(run: Path) -> list[dict[str, float]]:
    found = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return some(row for row in found if row["kind"] == "train")


def test_a_new_run_from_a_checkpoint_trains_with_what_its_recipe_says(known: Path, tmp_path: Path) -> None:
    train(tmp_path, "--epochs", 2, config=known)
    new = ("--resume", tmp_path / "that", "--name", "other", "--epochs", 4)
    settings = ("--optimizer.args.lr", 0.001, "--optimizer.args.weight_decay", 0.5)
    done = train(tmp_path, *new, *settings, config=known)
    assert done.returncode == 0, done.stderr
    assert "optimizer.args.lr 0.001 (was 0.1), optimizer.args.weight_decay 0.5 (was 0.01)" in done.stdout
    assert {row["learning_rate"] for row in rows(tmp_path / "other")} == {0.001}
    assert yaml.safe_load((tmp_path / "other" / "config.yaml").read_text())["optimizer"]["args"]["lr"] == 0.001
    # And it goes on as its own recipe says.
    train(tmp_path, *new, *settings, "--epochs", 5, config=known)
    assert {row["learning_rate"] for row in rows(tmp_path / "other")} == {0.001}


def test_a_new_schedule_holds_from_where_the_checkpoint_stands(known: Path, tmp_path: Path) -> None:
    train(tmp_path, "--epochs", 2, config=known)
    train(
        tmp_path,
        *("--resume", tmp_path / "that", "--name", "other", "--epochs", 4, "--metrics.log_every", 1),
        *("--schedule.name", "linear"),
        config=known,
    )
    rates = [row["learning_rate"] for row in rows(tmp_path / "other")]
    assert rates == pytest.approx([0.1 * (1 - step / 32) for step in range(16, 32)])


def test_a_validation_part_decides_and_the_test_set_is_used_once(known: Path, tmp_path: Path) -> None:
    done = train(tmp_path, "--epochs", 3, "--data.validation_fraction", 0.25, config=known)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "that" / "metrics.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines if line["kind"] != "train"] == ["validation"] * 3 + ["test"]
    assert "epoch 3/3" in done.stdout
    assert "validation accuracy" in done.stdout
    assert "that: test accuracy" in done.stdout


def test_the_folds_of_a_cross_validation_are_runs_of_their_own(known: Path, tmp_path: Path) -> None:
    sizes = []
    for number in (1, 2):
        mine = ("--fold", f"{number}/2", "--name", f"fold-{number}", "--data.batch_size", 4)
        done = train(tmp_path, *mine, config=known)
        assert done.returncode == 0, done.stderr
        sizes += [int(word) for word in done.stdout.split(" training and ")[1].split(" test samples")[0].split()]
    assert sum(sizes) == 64
    done = train(tmp_path, "--fold", "3/2", config=known)
    assert (done.returncode, "fold: '3/2' is no fold; give one such as 2/5" in done.stderr) == (2, True)
