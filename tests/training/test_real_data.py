"""The recipes on the tutorials' own data, which packages hold: the figures of the README's table."""

import json
from pathlib import Path

import pytest

from tests import commands
from tests.training.real_data import boston, fashion_mnist, gunpoint, mnist_10000, spoken_digits
from tests.training.test_recipes import train

pytestmark = [pytest.mark.sweep, pytest.mark.slow]

COLUMNS = [
    *("crime", "lots", "industry", "river", "nox", "rooms", "age"),
    *("distance", "highways", "tax", "pupils", "black", "poor", "price"),
]


@pytest.fixture(autouse=True)
def minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may take longer than other tests allow."""
    monkeypatch.setattr(commands, "SECONDS", 3600)


def idx(root: Path, **args: object) -> tuple[str, str]:
    return "--data.source", json.dumps({"name": "idx", "args": {"root": str(root), **args}})


def test_two_convolutions_know_the_clothes_of_fashion_mnist(tmp_path: Path) -> None:
    _, card = train("cnn-fashion-mnist", tmp_path, *idx(fashion_mnist()))
    print(card.result)
    assert card.result["accuracy"] >= 0.91


@pytest.mark.parametrize(("recipe", "least"), [("cnn-mnist", 0.94), ("mlp-mnist", 0.92)])
def test_mnists_digits_are_read(recipe: str, least: float, tmp_path: Path) -> None:
    normalize = {"normalize": "half"} if recipe == "cnn-mnist" else {}
    _, card = train(recipe, tmp_path, *idx(mnist_10000(), **normalize))
    print(card.result)
    assert card.result["accuracy"] >= least


def test_two_convolutions_read_mnists_digits(tmp_path: Path) -> None:
    shifted = ("--data.augment", '[{"name": "random_crop", "args": {"padding": 2}}]')
    longer = ("--epochs", "20", "--data.batch_size", "64")
    _, card = train("cnn-fashion-mnist", tmp_path, *idx(mnist_10000()), *shifted, *longer)
    print(card.result)
    assert card.result["accuracy"] >= 0.985


def test_bostons_houses_are_valued(tmp_path: Path) -> None:
    args = {"path": str(boston()), "header": COLUMNS, "target": "price", "scale_target": True}
    source = ("--data.source", json.dumps({"name": "table", "args": args}))
    _, card = train("housing-regression", tmp_path, *source, "--model.args.widths", "[13, 64, 64, 1]")
    print(card.result)
    assert card.result["r2"] >= 0.7


def test_number_words_of_unheard_voices_are_understood(tmp_path: Path) -> None:
    _, card = train("digits-spoken", tmp_path, "--data.source.args.root", spoken_digits(tmp_path))
    print(card.result)
    assert card.result["accuracy"] >= 0.95


def test_a_gun_is_told_from_a_finger(tmp_path: Path) -> None:
    paths = [gunpoint() / f"GunPoint_{side}.ts" for side in ("TRAIN", "TEST")]
    source = ("--data.source.args.path", paths[0], "--data.source.args.test_path", paths[1])
    _, card = train("series-gunpoint", tmp_path, *source)
    print(card.result)
    assert card.result["accuracy"] >= 0.95
