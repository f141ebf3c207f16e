"""Objects that a recipe names by import path are built with their arguments; each mistake is one line."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.imported import imported

SETS = "tests.training.data.user_sets"


def test_a_class_or_function_is_called_with_its_arguments() -> None:
    assert len(imported({"name": f"{SETS}.Pictures", "args": {"count": 2}}, "data.source.args.train")) == 2
    for spec in ({"name": f"{SETS}.single"}, {"name": f"{SETS}.single", "args": None}):
        assert imported(spec, "data.source.args.train") == [1, 2]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"args": {}},
        {"name": "Pictures"},
        {"name": 3},
        {"name": f"{SETS}.Pictures", "args": [1]},
        {"name": f"{SETS}.Pictures", "arguments": {}},
    ],
)
def test_another_form_is_refused_with_the_right_one(spec: dict[str, Any]) -> None:
    expected = f"data.source.args.test: {spec} is not {{name: package.module.Name, args: {{...}}}}"
    assert refusal(lambda: imported(spec, "data.source.args.test")) == expected


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": f"{SETS}.Missing"}, f".name: cannot import '{SETS}.Missing': {SETS} has no Missing"),
        ({"name": "no.such.Thing"}, ".name: cannot import 'no.such.Thing': ModuleNotFoundError"),
        ({"name": f"{SETS}.Pictures", "args": {"size": 1}}, ".args.size: unknown argument of "),
        ({"name": f"{SETS}.Pairs", "args": {"x": "a", "y": 1, "of": "array"}}, f": {SETS}.Pairs could not be built"),
        ({"name": f"{SETS}.__doc__"}, f".name: '{SETS}.__doc__' is a str, not a class or function"),
    ],
)
def test_what_the_users_code_does_wrong_is_named(spec: dict[str, Any], words: str) -> None:
    assert refusal(lambda: imported(spec, "data.source.args.train")).startswith(f"data.source.args.train{words}")
