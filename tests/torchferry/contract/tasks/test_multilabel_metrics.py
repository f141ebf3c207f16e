"""Several labels are judged as scikit-learn does, from sums that add up; thresholds are tuned for F1."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from tests.torchferry.contract.tasks.judged import check_parts, check_score, part, sigmoid
from torchferry.contract.tasks.multilabel import Multilabel

SAMPLES = 2000
DRAWN = np.random.default_rng(1)
TRUTH = (DRAWN.random((SAMPLES, 4)) < (0.5, 0.3, 0.1, 0.02)).astype(np.uint8)
SCORES = sigmoid(1.5 * DRAWN.normal(size=(SAMPLES, 4)) + 3 * TRUTH - (1, 2, 3, 4)).astype(np.float32)
THRESHOLDS = (0.5, 0.4, 0.3, 0.2)
TASK = Multilabel(labels=tuple("abcd"), thresholds=THRESHOLDS)
ROWS = TASK.rows({"probabilities": SCORES}, TRUTH)
GIVEN = np.array(THRESHOLDS, dtype=np.float32) <= SCORES


def test_labels_are_judged_as_scikit_learn_does() -> None:
    values = TASK.measure(ROWS)
    assert list(values) == ["micro_f1", "macro_f1", "map"]
    assert values["micro_f1"] == pytest.approx(f1_score(TRUTH, GIVEN, average="micro"))
    assert values["macro_f1"] == pytest.approx(f1_score(TRUTH, GIVEN, average="macro"))
    assert values["map"] == pytest.approx(average_precision_score(TRUTH, SCORES, average="macro"), abs=5e-3)


def test_sums_of_shares_add_up_and_what_is_drawn_again_counts_again() -> None:
    check_parts(TASK, ROWS, SAMPLES)
    check_score(TASK, ROWS, SAMPLES)


def test_a_label_that_no_sample_has_and_none_is_given_counts_nowhere() -> None:
    truth, scores = TRUTH.copy(), SCORES.copy()
    truth[:, 3], scores[:, 3] = 0, 0
    values = TASK.measure(TASK.rows({"probabilities": scores}, truth))
    assert values["macro_f1"] == pytest.approx(f1_score(truth[:, :3], GIVEN[:, :3], average="macro"))
    assert values["map"] == pytest.approx(average_precision_score(truth[:, :3], scores[:, :3]), abs=5e-3)


def test_no_label_at_all_is_no_division_by_zero() -> None:
    values = TASK.measure(TASK.rows({"probabilities": np.zeros((3, 4))}, np.zeros((3, 4), dtype=np.uint8)))
    assert (values["micro_f1"], values["macro_f1"]) == (0, 0)
    assert math.isnan(values["map"])
    assert TASK.score(part(ROWS, slice(0, 0))) == 0


def test_a_mistake_is_any_other_label_and_spread_over_how_many_there_are() -> None:
    counts, mistaken = TASK.mistakes(ROWS)
    assert counts.tolist() == TRUTH.sum(axis=1).tolist()
    assert np.array_equal(mistaken, (TRUTH != GIVEN).any(axis=1))
    assert TASK.confusion(TASK.sums(ROWS)) is None


def test_answers_agree_by_the_share_of_labels_that_are() -> None:
    expected = {"probabilities": np.array([[0.9, 0.1, 0.9, 0.1]])}
    answered = {"probabilities": np.array([[0.6, 0.3, 0.2, 0.2]])}
    assert TASK.agreement(answered, expected).tolist() == [0.5]
    assert TASK.limits("int8") == {"max_drop": 0.005, "min_agreement": 0.97}


def test_tuned_thresholds_give_each_label_its_best_f1() -> None:
    tuned = TASK.tuned(ROWS)
    assert all(0 <= threshold <= 1 for threshold in tuned)
    for label, threshold in enumerate(tuned):
        mine = f1_score(TRUTH[:, label], SCORES[:, label] >= threshold)
        others = [f1_score(TRUTH[:, label], SCORES[:, label] >= other) for other in np.linspace(0.01, 0.99, 99)]
        assert mine >= max(others) - 1e-9


def test_a_tuned_threshold_parts_no_ties_and_a_label_without_samples_has_a_half() -> None:
    scores = np.array([[0.8, 0.1], [0.8, 0.2], [0.2, 0.3], [0.2, 0.4]])
    truth = np.array([[1, 0], [1, 0], [1, 0], [0, 0]])
    rows = {"truth": truth.astype(bool), "scores": scores}
    # Both above 0.5 give F1 4 / 5, all four 6 / 7.
    assert list(Multilabel(labels=("a", "b")).tuned(rows)) == [pytest.approx(0.1), 0.5]


def test_thresholds_are_tuned_on_what_is_a_number() -> None:
    scores = np.array([[0.8, np.nan], [np.nan, np.nan], [0.2, np.nan]])
    rows = {"truth": np.array([[1, 1], [1, 0], [0, 0]], bool), "scores": scores}
    assert Multilabel(labels=("a", "b"), thresholds="tuned").settled(rows).thresholds == (0.5, 0.5)
