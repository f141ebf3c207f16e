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
def test_a_task_with_classes_gives_classes(name: str, args: dict[str, Any]) -> None:
    for given in ({}, {"targets": "classes"}, {"task": "classification"}):
        assert build_source(Component(name=name, args=args | given), "classes").targets == "classes"


@pytest.mark.parametrize(("name", "args"), [("table", TABLE), ("dataset", DATASET | {"labels": 1})])
def test_regression_gives_values(name: str, args: dict[str, Any]) -> None:
    for given in ({}, {"targets": "values"}, {"task": "regression"}):
        assert build_source(Component(name=name, args=args | given), "values").targets == "values"


@pytest.mark.parametrize(
    ("taken", "name", "given"),
    [("classes", "targets", "values"), ("values", "targets", "classes"), ("values", "task", "classification")],
)
def test_a_contradiction_is_refused(taken: str, name: str, given: str) -> None:
    words = refusal(lambda: build_source(Component(name="table", args=TABLE | {name: given}), taken))
    assert words == (
        f"data.source.args.{name}: '{given}' contradicts the recipe's task, which takes {taken}; leave it out, the "
        "task decides"
    )


def test_a_source_of_one_kind_of_targets_is_told_none() -> None:
    assert build_source(Component(name="digits"), "classes").targets == "classes"
    other = Component(name="torchferry.training.data.tables.table.table", args=TABLE)
    assert build_source(other, "classes").targets == "values"  # somebody's own function: its own default


def test_a_source_is_not_told_what_it_cannot_give() -> None:
    assert build_source(Component(name="digits"), "several").targets == "several"
    assert build_source(Component(name="digits"), "masks").targets == "classes"


def test_a_name_that_is_none_is_refused() -> None:
    assert "data.source.name: there is no 'tables'; did you mean table?" in refusal(
        lambda: build_source(Component(name="tables"), "classes")
    )
