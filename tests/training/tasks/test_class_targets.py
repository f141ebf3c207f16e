"""Class indices: what a task of classes takes, and what a file of arrays may have."""

import numpy as np
import pytest
import torch

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.tasks.class_targets import read_classes

TASKS = (tiny.task(), tiny.task("embedding"))


def test_tasks_of_classes_take_the_same_targets() -> None:
    for task in TASKS:
        assert task.blank_targets(2).tolist() == [0, 0]
        assert sorted(task.varied_targets(3, torch.Generator()).tolist()) == [0, 1, 2]
        assert task.wrong_targets(torch.tensor([0, 2])) is None
        assert task.wrong_targets(torch.tensor([[0], [2]])) == (
            0,
            "has a target of int64 [1]; a class is int64 []",
        )


def test_arrays_of_classes_are_read_with_or_without_an_axis() -> None:
    for given in (np.array([2, 0]), np.array([[2], [0]], np.uint8)):
        assert read_classes(given, True, "integers", "y").tolist() == [2, 0]
    with pytest.raises(UserError, match=r"^y is float64 \[1\]; integers are expected, \[samples\] or \[samples, 1\]"):
        read_classes(np.array([0.5]), False, "integers", "y")
