"""Vectors in words, in metrics, and beside the checkpoint's."""

import numpy as np
import pytest

from torchferry.contract.tasks.embedding import Embedding

TASK = Embedding(labels=("cat", "dog"))
VECTORS = np.array([[1, 0], [0.6, 0.8], [0, 1], [-0.6, 0.8]], np.float32)


def of(vectors: np.ndarray) -> dict[str, np.ndarray]:
    return {"vector": vectors}


def test_an_answer_is_a_list_of_numbers() -> None:
    said = TASK.words({"vector": VECTORS[1]}, 5)
    assert said == {"vector": [pytest.approx(0.6), pytest.approx(0.8)]}
    assert [*said] == [*TASK.schema()]
    assert TASK.counted == ()


def test_samples_of_a_request_are_compared() -> None:
    assert TASK.relations(of(VECTORS[:3]))["similarity"].tolist() == [[1, 0.6, 0], [0.6, 1, 0.8], [0, 0.8, 1]]


def test_metrics_are_of_all_samples_together() -> None:
    rows = TASK.rows(of(VECTORS), np.array([0, 0, 1, 1]))
    values = TASK.measure(TASK.together(rows))
    # The second's nearest is of the other class; of the third's two equally near ones the other's goes first.
    assert values == {"recall_at_1": 0.5, "recall_at_5": 1, "map": (1 + 0.5 + 0.5 + 1) / 4}
    assert TASK.score(TASK.together(rows)) == values["recall_at_1"]


def test_a_score_draws_queries_and_not_what_they_find() -> None:
    rows = TASK.together(TASK.rows(of(VECTORS), np.array([0, 0, 1, 1])))
    found = rows["recall_at_1"].astype(bool)
    assert TASK.score(rows, np.where(found, 3, 0)) == 1
    assert TASK.score(rows, np.where(found, 0, 1)) == 0


def test_without_any_pair_there_is_no_score() -> None:
    rows = TASK.together(TASK.rows(of(VECTORS[:2]), np.array([0, 1])))
    assert np.isnan(TASK.score(rows))
    assert np.isnan(TASK.measure(rows)["recall_at_1"])


def test_an_answer_agrees_that_points_in_nearly_the_same_direction() -> None:
    turned = np.array([[np.cos(angle), np.sin(angle)] for angle in np.radians([0, 5, 10, 180])], np.float32)
    wanted = np.tile(np.array([1, 0], np.float32), (4, 1))
    assert TASK.agreement(of(turned), of(wanted)).tolist() == [1, 1, 0, 0]
    assert TASK.agreement(of(np.full((4, 2), np.nan, np.float32)), of(wanted)).tolist() == [0, 0, 0, 0]


def test_a_vector_of_zeros_points_nowhere() -> None:
    zeros, ones = np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32)
    agreements = [TASK.agreement(of(given), of(wanted)) for given, wanted in ((zeros, ones), (ones, zeros))]
    assert [each.tolist() for each in agreements] == [[0], [0]]
    assert TASK.agreement(of(zeros), of(zeros)).tolist() == [1]


def test_every_rounding_has_limits_of_what_is_found() -> None:
    for rounding in ("fp32", "fp16", "int8"):
        assert {"max_drop", "min_agreement"} == {*TASK.limits(rounding)}
