"""The recipe's task decides what a source's targets are; saying it twice is allowed, and differently is not."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.config.instantiate import Component
from torchferry.training.data.build_source import build_source

TABLE = {"columns": {"a": [1, 2, 3], "y": [0, 1, 0]}, "target": "y", "test_fraction": 0}
PAIR = {"name": "tests.training.data.user_sets.Pairs", "args": {"x": [0.5], "y": 1, "of": "array"}}
DATASET = {"train": PAIR, "test": PAIR, "labels": 2, "shape": [1]}


@pytest.mark.parametrize(("name", "args"), [("table", TABLE), ("dataset", DATASET | {"labels": 2})])
@pytest.mark.parametrize(("task", "of_source"), [("classification",) * 2, ("binary", "classification")])
def test_a_task_with_classes_gives_classes(name: str, args: dict[str, Any], task: str, of_source: str) -> None:
    for given in ({}, {"task": of_source}):
        assert build_source(Component(name=name, args=args | given), task).targets == "classes"


@pytest.mark.parametrize(("name", "args"), [("table", TABLE), ("dataset", DATASET | {"labels": 1})])
def test_regression_gives_values(name: str, args: dict[str, Any]) -> None:
    for given in ({}, {"task": "regression"}):
        assert build_source(Component(name=name, args=args | given), "regression").targets == "values"


@pytest.mark.parametrize(
    ("task", "given"), [("binary", "regression"), ("classification", "regression"), ("regression", "classification")]
)
def test_a_contradiction_is_refused(task: str, given: str) -> None:
    words = refusal(lambda: build_source(Component(name="table", args=TABLE | {"task": given}), task))
    assert words.startswith(f"data.source.args.task: '{given}' contradicts task: {task}; leave it out")


def test_a_source_that_knows_no_task_is_told_none() -> None:
    assert build_source(Component(name="digits"), "classification").targets == "classes"
    other = Component(name="torchferry.training.data.tables.table.table", args=TABLE)
    assert build_source(other, "classification").targets == "values"  # somebody's own function: its own default


def test_a_name_that_is_none_is_refused() -> None:
    assert "data.source.name: there is no 'tables'; did you mean table?" in refusal(
        lambda: build_source(Component(name="tables"), "binary")
    )
