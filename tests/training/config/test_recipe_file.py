"""A recipe's file is refused in one line that begins with file and line."""

from pathlib import Path

import pytest

from tests.commands import RECIPES
from tests.some import some
from tests.training.data.sources import refusal
from torchferry.training.config.recipe_file import RecipeFile

RECIPE = """name: x
data:
  source:
    name: digits
    args: {size: 8}
  augment:
    - name: rotation
      args:
        degrees: 3
model:
  name: digits_cnn
"""


@pytest.mark.parametrize("recipe", some(sorted(RECIPES.glob("*.yaml"))), ids=lambda path: path.stem)
def test_our_recipes_are_right(recipe: Path) -> None:
    assert RecipeFile(str(recipe)).place_of("optimizer.args.lr") is not None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("optimiser:\n  name: SGD\n", "12: optimiser: unknown key; did you mean optimizer?"),
        ("step:\n  presicion: fp16\n", "13: step.presicion: unknown key; did you mean step.precision?"),
        ("batch_size: 3\n", "12: batch_size: unknown key; did you mean data.batch_size?"),
        ("optimizer: {lr: 3}\n", "12: optimizer.lr: unknown key; did you mean optimizer.args.lr?"),
        ("loss: {class_path: mse}\n", "12: loss.class_path: unknown key; did you mean loss.name?"),
        ("weights:\n  sorce: a\n", "13: weights.sorce: unknown key; did you mean weights.source?"),
        ("zzz: 3\n", "12: zzz: unknown key; torchferry describe lists every key"),
        ("profile:\n  zzz: 3\n", "13: profile.zzz: unknown key; profile has first_step, steps"),
        ("1: 3\n", "12: 1: unknown key; "),
        ("? [1]\n: 3\n", "12: a key is a word, not a list"),
        ("loss: mse\n", "12: loss: 'mse' is not a mapping of name, args"),
        ("step: [1]\n", "12: step: a list is not a mapping of accumulate, precision, "),
        ("name: y\n", "12: name: stands twice, in line 1 too"),
        ("optimizer:\n  name: SGD\n  args:\n    lr: 1\n    lr: 2\n", "16: optimizer.args.lr: stands twice, in line 15"),
        ("loss: &a {name: mse, args: {x: [*a]}}\n", "12: loss.args.x: is nested too deeply, or contains itself"),
        ("seed: [\n", "13: expected the node content"),
        ("step:\n\tprecision: fp32\n", "13: a tab; YAML indents with spaces"),
        ("seed: 3: 4\n", "12: mapping values are not allowed here"),
        ("seed: @\n", "12: found character '@' that cannot start any token"),
        ("---\nname: x\n", "12: expected a single document in the stream, but found another document"),
    ],
)
def test_a_mistake_has_file_line_and_what_was_meant(text: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE + text)
    said = refusal(lambda: RecipeFile(str(path)))
    assert said.startswith(f"{path}:{line}")
    assert "\n" not in said


def test_a_wrong_key_of_a_part_in_a_list_is_found(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("- name: rotation", "- nam: rotation"))
    said = "data.augment[0].nam: unknown key; did you mean data.augment[0].name?"
    assert refusal(lambda: RecipeFile(str(path))) == f"{path}:7: {said}"
    path.write_text(RECIPE.replace("- name: rotation\n      args:\n        degrees: 3", "- rotation"))
    said = "data.augment[0]: 'rotation' is not a mapping of name, args"
    assert refusal(lambda: RecipeFile(str(path))) == f"{path}:7: {said}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ": is empty; a recipe has keys such as data, model and optimizer"),
        (b"# nothing\n", ": is empty; "),
        (b"- a\n", ":1: a recipe is a mapping of keys, not a list"),
        (b"digits\n", ":1: a recipe is a mapping of keys, not a word"),
        (b"\xff\xfe\x00", ": is no YAML text: "),
        (b"name: \x00", ": is no YAML text: "),
        (b"[" * 600, ": is nested too deeply"),
    ],
)
def test_what_is_no_recipe_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    said = refusal(lambda: RecipeFile(str(path)))
    assert said.startswith(f"{path}{words}")
    assert "\n" not in said


def test_a_file_that_is_not_there_is_named() -> None:
    assert refusal(lambda: RecipeFile("nowhere.yaml")).startswith("nowhere.yaml: cannot be read (No such file")


def test_a_key_has_the_line_it_stands_in_or_that_of_what_it_would_lie_in(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    file = RecipeFile(str(path))
    lines = {"name": 1, "data.source.args.size": 5, "data.source.args.root": 5, "data.augment[0].args.degrees": 9}
    assert {key: file.place_of(key) for key in lines} == {key: f"{path}:{line}" for key, line in lines.items()}
    assert file.place_of("checkpoint.keep") is None


def test_merged_keys_are_no_unknown_ones(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("loss: &a {name: mse}\nmodel:\n  <<: *a\n  args: {}\n")
    assert RecipeFile(str(path)).place_of("model.args") == f"{path}:4"
