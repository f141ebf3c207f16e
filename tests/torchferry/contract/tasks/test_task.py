"""What every task has unless it says otherwise."""

import numpy as np
import pytest

from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.regression import Regression

TASK = Regression(labels=("a",))
ROWS = {"truth": np.array([[1.0], [2], [4]]), "predicted": np.array([[1.0], [2], [3]])}


def test_the_settings_are_what_differs_from_the_defaults_without_the_labels() -> None:
    assert TASK.settings == {}
    assert Multilabel(labels=("a", "b"), thresholds=0.5).settings == {}
    assert Multilabel(labels=("a", "b"), thresholds=(0.5, 0.1)).settings == {"thresholds": (0.5, 0.1)}


def test_the_headline_is_measured_over_rows_as_often_as_they_are_drawn() -> None:
    assert TASK.score(ROWS) == TASK.measure(ROWS)["r2"]
    twice = {name: np.concatenate([values[:1], values[2:], values[2:]]) for name, values in ROWS.items()}
    assert TASK.score(ROWS, np.array([1, 0, 2])) == pytest.approx(TASK.measure(twice)["r2"])


def test_nothing_is_counted_and_no_file_given() -> None:
    outputs = {"values": np.zeros((2, 1))}
    assert (TASK.counted, TASK.counts(outputs).shape, TASK.counts_of(np.zeros((2, 1))).shape) == ((), (0,), (0,))
    assert TASK.files == {}
    assert TASK.together(ROWS) is ROWS
    assert TASK.of_outputs({"values": None}) is TASK
