"""A message about a key begins with the place that gave the key."""

from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.config.given import Given, refuse_unknown_variables

KEYS = ("config", "epochs", "step.precision", "step.accumulate", "model.name", "model.args", "loss")


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\ndata:\n  source:\n    name: digits\n    args:\n      rooot: 1\n")
    return str(path)


@pytest.mark.parametrize("option", ["--config {}", "--config={}"])
def test_of_a_file_it_is_the_line(option: str, recipe: str) -> None:
    given = Given(option.format(recipe).split(), {})
    assert given.placed("data.source.args.rooot: is wrong") == f"{recipe}:6: data.source.args.rooot: is wrong"
    assert given.placed("data.source.name, model.name: are wrong").startswith(f"{recipe}:4: data.source.name")
    assert given.placed("data: is wrong") == f"{recipe}:2: data: is wrong"


def test_what_the_file_does_not_have_gets_no_place(recipe: str) -> None:
    given = Given(["--config", recipe], {})
    for message in (
        "epochs: is wrong",
        "the loss is nan",
        "model: is wrong",
        "dada.csv: is wrong",
        "r.yaml:3: data: x",
    ):
        assert given.placed(message) == message


def test_the_last_of_several_files_counts(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("\nname: y\n")
    given = Given(["--config", recipe, "--config", str(tmp_path / "more.yaml")], {})
    assert given.placed("name: is wrong") == f"{tmp_path / 'more.yaml'}:2: name: is wrong"
    assert given.placed("data: is wrong") == f"{recipe}:2: data: is wrong"


@pytest.mark.parametrize("option", ["--data.source.args.rooot=2", "--data.source", "--data.source.args"])
def test_what_the_command_line_gives_has_no_line(option: str, recipe: str) -> None:
    message = "data.source.args.rooot: is wrong"
    assert Given(["--config", recipe, option], {}).placed(message) == message
    assert Given(["--config", recipe, "--data.workers"], {}).placed(message) != message


def test_a_variable_is_named(recipe: str) -> None:
    given = Given([], {"TORCHFERRY_CONFIG": recipe, "TORCHFERRY_DATA__SOURCE": "{}"})
    assert given.placed("data.source.args: is wrong") == "TORCHFERRY_DATA__SOURCE: data.source.args: is wrong"
    assert given.placed("name: is wrong") == f"{recipe}:1: name: is wrong"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EPOHCS", "did you mean TORCHFERRY_EPOCHS?"),
        ("STEP__PRESICION", "did you mean TORCHFERRY_STEP__PRECISION?"),
        ("MODEL__ARGS__WIDTH", "did you mean TORCHFERRY_MODEL__ARGS?"),
        ("LOSS__ZZZZZZZZ", "torchferry train --help lists every key"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused(name: str, words: str) -> None:
    keys = (*KEYS, "step", "model")
    said = refusal(lambda: refuse_unknown_variables(keys, {f"TORCHFERRY_{name}": "3"}))
    assert said == f"TORCHFERRY_{name}: unknown key; {words}"


@pytest.mark.parametrize("name", ["TORCHFERRY_EPOCHS", "TORCHFERRY_CACHE", "TORCHFERRY_TEST_PEERS", "EPOHCS"])
def test_other_variables_are_let_be(name: str) -> None:
    refuse_unknown_variables(KEYS, {name: "3"})
