"""Classes are judged as scikit-learn does, from sums that add up."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score, roc_auc_score

from tests.torchferry.contract.tasks.judged import check_parts, check_score, sigmoid, softmax
from torchferry.contract.tasks.classes import Binary, Classification, macro_f1

SAMPLES = 2000
DRAWN = np.random.default_rng(0)
TRUTH = DRAWN.integers(0, 5, SAMPLES)
SCORES = softmax(2 * DRAWN.normal(size=(SAMPLES, 5)) + 1.5 * np.eye(5)[TRUTH]).astype(np.float32)
FIVE = Classification(labels=tuple("abcde"))
ROWS = FIVE.rows({"probabilities": SCORES}, TRUTH)
SIDES = DRAWN.integers(0, 2, SAMPLES)
SIDE = sigmoid(DRAWN.normal(size=(SAMPLES, 1)) + 2 * SIDES[:, None] - 1).astype(np.float32)
TWO = Binary(labels=("no", "yes"))
SIDE_ROWS = TWO.rows({"probability": SIDE}, SIDES)


def by_hand(confidence: np.ndarray, right: np.ndarray) -> float:
    """The expected calibration error."""
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence >= low) & (confidence < low + 1 / 15)
        if inside.any():
            total += inside.sum() * abs(confidence[inside].mean() - right[inside].mean())
    return total / len(confidence)


def test_several_classes_are_judged_as_scikit_learn_does() -> None:
    guess, values = SCORES.argmax(axis=1), FIVE.measure(ROWS)
    assert list(values) == ["accuracy", "macro_f1", "auroc", "calibration_error"]
    assert values["accuracy"] == pytest.approx(accuracy_score(TRUTH, guess))
    assert values["macro_f1"] == pytest.approx(f1_score(TRUTH, guess, average="macro"))
    assert values["auroc"] == pytest.approx(roc_auc_score(TRUTH, SCORES, multi_class="ovr", average="macro"), abs=5e-4)
    assert values["calibration_error"] == pytest.approx(by_hand(SCORES.max(axis=1), guess == TRUTH), abs=1e-6)


def test_two_classes_are_judged_as_scikit_learn_does() -> None:
    guess, values = SIDE[:, 0] > 0.5, TWO.measure(SIDE_ROWS)
    assert list(values) == ["accuracy", "precision", "recall", "auroc", "calibration_error"]
    assert values["accuracy"] == pytest.approx(accuracy_score(SIDES, guess))
    assert values["precision"] == pytest.approx(precision_score(SIDES, guess))
    assert values["recall"] == pytest.approx(recall_score(SIDES, guess))
    assert values["auroc"] == pytest.approx(roc_auc_score(SIDES, SIDE[:, 0]), abs=5e-4)
    confidence = np.maximum(SIDE, 1 - SIDE)[:, 0]
    assert values["calibration_error"] == pytest.approx(by_hand(confidence, guess == SIDES), abs=1e-6)


def test_sums_of_shares_add_up_and_what_is_drawn_again_counts_again() -> None:
    check_parts(FIVE, ROWS, SAMPLES)
    check_parts(TWO, SIDE_ROWS, SAMPLES)
    check_score(FIVE, ROWS, SAMPLES)
    check_score(TWO, SIDE_ROWS, SAMPLES)


def test_classes_are_counted_by_truth_and_prediction() -> None:
    assert np.array_equal(FIVE.confusion(FIVE.sums(ROWS)), confusion_matrix(TRUTH, SCORES.argmax(axis=1)))
    assert np.array_equal(TWO.confusion(TWO.sums(SIDE_ROWS)), confusion_matrix(SIDES, SIDE[:, 0] > 0.5))


def test_a_mistake_is_another_class_and_spread_over_the_true_ones() -> None:
    classes, mistaken = FIVE.mistakes(ROWS)
    assert np.array_equal(classes, TRUTH)
    assert np.array_equal(mistaken, SCORES.argmax(axis=1) != TRUTH)


def test_answers_agree_where_the_class_is_the_same() -> None:
    expected = {"probabilities": np.array([[0.9, 0.1], [0.4, 0.6]])}
    answered = {"probabilities": np.array([[0.6, 0.4], [0.51, 0.49]])}
    assert Classification(labels=("a", "b")).agreement(answered, expected).tolist() == [1, 0]
    sides = ({"probability": np.array([[0.9], [0.5]])}, {"probability": np.array([[0.6], [0.51]])})
    assert TWO.agreement(*sides).tolist() == [1, 0]


@pytest.mark.parametrize(("rounding", "agreement"), [("fp32", 0.99), ("fp16", 0.99), ("int8", 0.97)])
def test_a_variant_may_lose_half_a_point(rounding: str, agreement: float) -> None:
    assert FIVE.limits(rounding) == {"max_drop": 0.005, "min_agreement": agreement}


def test_a_class_that_never_occurs_is_no_division_by_zero() -> None:
    assert macro_f1(np.zeros((3, 3))) == 0
    assert macro_f1(np.array([[2, 0, 0], [0, 0, 0], [0, 0, 2]])) == 1
    sure = np.zeros((4, 1), dtype=np.float32)
    values = TWO.measure(TWO.rows({"probability": sure}, np.zeros(4, dtype=np.int64)))
    assert (values["accuracy"], values["precision"], values["recall"], values["calibration_error"]) == (1, 0, 0, 0)
    assert math.isnan(values["auroc"])


def test_a_score_that_is_no_number_is_wrong_and_spoils_no_other_metric() -> None:
    scores = np.where(np.arange(SAMPLES)[:, None] == 3, np.nan, SCORES)
    values = FIVE.measure(FIVE.rows({"probabilities": scores}, TRUTH))
    assert all(math.isfinite(value) for value in values.values()), values
