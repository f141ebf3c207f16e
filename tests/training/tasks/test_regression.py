"""Values: losses of scaled ones, everything else in the targets' own units."""

import re

import numpy as np
import pytest
import torch

from tests.training import tiny
from torchferry.errors import UserError

VALUES, TRUTH = torch.tensor([[1.0, 5], [2, 5], [3, 8]]), torch.tensor([[1.0, 4], [2, 6], [6, 8]])
TASK = tiny.task("regression", 2)
DUE = tiny.task("regression", 1, mean=(1.7e9,), std=(300.0,))
DUE_TRUTH = 1.7e9 + torch.tensor([[-300.0], [0], [300]], dtype=torch.float64)


def test_the_loss_is_a_sum_over_samples_of_means_over_values() -> None:
    assert TASK.test_loss(VALUES, TRUTH).item() == pytest.approx(11 / 2)


def test_a_scaled_target_is_learnt_in_scaled_values_and_judged_in_its_own_units() -> None:
    learnt = torch.tensor([[-1.0], [0], [2]])
    for outputs in (learnt, learnt.bfloat16()):
        given, targets = DUE.for_loss(outputs, DUE_TRUTH)
        assert given is outputs
        assert (targets.dtype, targets.tolist()) == (torch.float32, [[-1], [0], [1]])
    outputs = learnt.double() * 300 + 1.7e9
    assert DUE.test_loss(outputs, DUE_TRUTH).item() == pytest.approx(1)
    values = DUE.task.measure(DUE.task.rows({"values": outputs.numpy()}, DUE_TRUTH.numpy()))
    assert values == pytest.approx({"r2": 0.5, "mae": 100, "rmse": 300 / 3**0.5})
    assert DUE.for_loss(learnt, DUE.blank_targets(3))[1].tolist() == [[0], [0], [0]]


def test_float64_targets_that_are_not_scaled_are_learnt_as_float32() -> None:
    given, targets = TASK.for_loss(VALUES, TRUTH.double())
    assert (given.dtype, targets.dtype) == (torch.float32, torch.float32)
    assert TASK.test_loss(VALUES, TRUTH.double()).dtype == torch.float32


def test_targets_are_read_as_a_row_for_each_sample() -> None:
    assert TASK.read_targets(np.array([1, 2]), "y").tolist() == [[1], [2]]
    assert TASK.read_targets(np.array([[1.5, 2]]), "y").tolist() == [[1.5, 2]]


@pytest.mark.parametrize("given", [np.array([np.nan]), np.array(["a"]), np.zeros((1, 2, 3)), np.array([True])])
def test_other_targets_are_refused(given: np.ndarray) -> None:
    words = f"y is {given.dtype} {list(given.shape)}; finite numbers are expected, one row a sample"
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        TASK.read_targets(given, "y")


def test_a_caption_has_the_first_value_and_is_no_mistake() -> None:
    given = {"values": np.array([2.0, 9])}
    assert TASK.caption(given, torch.tensor([0.5, 9])) == ("true: 0.5\npredicted: 2", False)
    assert TASK.labels_in(torch.zeros(2, 4), "--task") == 4
