"""What is said of a task, by name or import path, is read again; what cannot be is one line."""

import re
from typing import Any

import pytest

from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.find import kind_of, made, said_of, task_of
from torchferry.contract.tasks.heads import Heads
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.regression import Regression
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError

LABELS = ("a", "b")
PATH = "torchferry.contract.tasks.classes.Classification"


@pytest.mark.parametrize("kind", [kind for kind in TASKS.values() if kind is not Heads])
def test_a_task_without_settings_is_its_name(kind: type[Task]) -> None:
    task = kind(labels=LABELS)
    assert isinstance(said_of(task), str)
    assert task_of(said_of(task), LABELS) == task


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Multilabel(labels=LABELS, thresholds=(0.1, 0.9)), {"name": "multilabel", "thresholds": (0.1, 0.9)}),
        (Multilabel(labels=LABELS, thresholds=0.3), {"name": "multilabel", "thresholds": 0.3}),
        (Regression(labels=("y",), mean=(1.0,), std=(2.0,)), {"name": "regression", "mean": (1.0,), "std": (2.0,)}),
    ],
)
def test_a_task_with_settings_is_an_object_that_has_them(task: Task, said: dict[str, Any]) -> None:
    assert said_of(task) == said
    as_json = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    assert task_of(as_json, task.labels) == task


def test_an_import_path_names_any_task() -> None:
    assert kind_of(PATH) is Classification


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("multilabe", "task: there is no 'multilabe'; did you mean multilabel?"),
        ("ranking", "task: there is no 'ranking'; it is one of classification, binary, "),
        ("nowhere.Task", "task: cannot import 'nowhere.Task': ModuleNotFoundError: No module named 'nowhere'"),
        (f"{PATH}s", f"task: cannot import '{PATH}s': AttributeError: "),
        ("json.dumps", "task: 'json.dumps' is no class derived from torchferry.contract.tasks.task.Task"),
        ("json.JSONEncoder", "task: 'json.JSONEncoder' is no class derived from"),
    ],
)
def test_what_is_no_task_is_refused(name: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        kind_of(name)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (Multilabel, {"threshold": 1}, "task.args.threshold: unknown setting of multilabel; did you mean thresholds?"),
        (Classification, {"weight": 1}, "task.args.weight: unknown setting of classification; it takes none"),
        (Regression, {"scale": 1}, "task.args.scale: unknown setting of regression; it takes none"),
        (Multilabel, {"labels": ["a"]}, "task.args.labels: unknown setting of multilabel"),
        (Multilabel, {"thresholds": 1.5}, "task.args.thresholds: 1.5 is no threshold; give numbers from 0 to 1"),
        (Multilabel, {"thresholds": [0.5, True]}, "task.args.thresholds: True is no threshold"),
        (
            Multilabel,
            {"thresholds": [0.5]},
            "task.args.thresholds: has 1 numbers; one for each of 2 labels is expected",
        ),
    ],
)
def test_settings_that_a_task_does_not_take_are_refused(kind: type[Task], settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        made(kind, settings, LABELS)
