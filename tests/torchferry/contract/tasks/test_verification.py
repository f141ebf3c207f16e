"""Pairs are judged by the cosine that tells them best apart."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from torchferry.contract.tasks.verification import Verification

TASK = Verification()


def rows(cosines: list[float], same: list[int]) -> dict[str, np.ndarray]:
    return {"cosine": np.array(cosines), "same": np.array(same)}


def test_samples_find_their_pair_wherever_they_are() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 1], [1, 0]], np.float32)
    targets = np.array([[0, 7, 1], [1, 3, 0], [0, 7, 1], [2, 3, 0], [5, 9, 1]])  # the last one's other is not there
    found = TASK.together(TASK.rows({"vector": vectors}, targets))
    assert {name: values.tolist() for name, values in found.items()} == {"cosine": [1, 0.6], "same": [0, 1]}


def test_the_threshold_is_the_best_one() -> None:
    assert TASK.measure(rows([0.9, 0.5, 0.6, 0.1], [1, 1, 0, 0])) == {
        "pair_accuracy": 0.75, "auroc": 0.75, "threshold": pytest.approx(0.5),
    }  # fmt: skip
    assert TASK.measure(rows([0.9, 0.2], [1, 0])) == {"pair_accuracy": 1, "auroc": 1, "threshold": 0.9}
    # As good as calling all of them different.
    assert TASK.measure(rows([0.3, 0.3, 0.3], [0, 0, 1]))["pair_accuracy"] == pytest.approx(2 / 3)
    assert TASK.measure(rows([0.3, 0.3, 0.3], [0, 0, 1]))["threshold"] > 0.3


def test_auroc_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    cosines, same = np.round(random.normal(size=300), 1), random.integers(0, 2, 300)
    assert TASK.measure(rows(cosines.tolist(), same.tolist()))["auroc"] == pytest.approx(roc_auc_score(same, cosines))


def test_pairs_of_one_kind_and_none_at_all_have_no_auroc() -> None:
    assert np.isnan(TASK.measure(rows([0.5], [1]))["auroc"])
    assert TASK.measure(rows([0.5], [1]))["pair_accuracy"] == 1
    assert all(map(np.isnan, TASK.measure(rows([], [])).values()))


def test_a_vector_that_is_no_number_is_near_none() -> None:
    vectors = np.array([[np.nan, 0], [1, 0]], np.float32)
    found = TASK.together(TASK.rows({"vector": vectors}, np.array([[0, 0, 0], [0, 0, 0]])))
    assert found["cosine"].tolist() == [-2]


def test_a_score_draws_pairs() -> None:
    given = rows([0.9, 0.5, 0.6, 0.1], [1, 1, 0, 0])
    assert TASK.score(given) == 0.75
    assert TASK.score(given, np.array([2, 0, 1, 1])) == 1
