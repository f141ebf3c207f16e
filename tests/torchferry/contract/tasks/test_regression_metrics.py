"""Values are judged as scikit-learn does, from sums that add up and keep the digits of large targets."""

import math

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tests.torchferry.contract.tasks.judged import check_parts, check_score, part
from torchferry.contract.tasks.regression import Regression

SAMPLES = 500
DRAWN = np.random.default_rng(2)
TRUTH = DRAWN.normal(size=(SAMPLES, 2)) * (3, 50) + (10, -7)
GIVEN = TRUTH + DRAWN.normal(size=(SAMPLES, 2)) * (1, 20)
TASK = Regression(labels=("a", "b"))
ROWS = TASK.rows({"values": GIVEN.astype(np.float32)}, TRUTH)


def test_values_are_judged_as_scikit_learn_does() -> None:
    values = TASK.measure(ROWS)
    assert values == pytest.approx(
        {
            "r2": r2_score(TRUTH, GIVEN),
            "mae": mean_absolute_error(TRUTH, GIVEN),
            "rmse": math.sqrt(mean_squared_error(TRUTH, GIVEN)),
        },
        rel=1e-6,
    )


def test_sums_of_shares_add_up_and_what_is_drawn_again_counts_again() -> None:
    check_parts(TASK, ROWS, SAMPLES)
    check_score(TASK, ROWS, SAMPLES)


def test_r2_of_a_target_that_never_changes_is_no_number() -> None:
    constant = TASK.rows({"values": GIVEN}, np.ones((SAMPLES, 2)))
    assert math.isnan(TASK.measure(constant)["r2"])
    assert math.isnan(TASK.score(part(ROWS, slice(0, 1))))


def test_squares_of_large_targets_keep_the_digits_in_which_they_differ() -> None:
    truth = 1.7e9 + np.arange(100.0)[:, None] / 1000
    task = Regression(labels=("due",), mean=(1.7e9,), std=(0.03,))
    assert task.measure(task.rows({"values": truth + 0.001}, truth))["r2"] == pytest.approx(1 - 1 / 833.25, rel=1e-6)


def test_true_and_given_values_can_be_drawn_and_none_is_a_mistake() -> None:
    points = TASK.points(ROWS)
    assert [each.shape for each in points] == [(SAMPLES, 2)] * 2
    assert np.array_equal(points[0], TRUTH)
    assert (TASK.mistakes(ROWS), TASK.confusion(TASK.sums(ROWS)), TASK.agreement({}, {})) == (None, None, None)


def test_numbers_may_be_off_by_what_rounding_costs() -> None:
    assert TASK.limits("fp32") == {}
    assert TASK.limits("fp16")["max_relative_error"] < TASK.limits("int8")["max_relative_error"]
