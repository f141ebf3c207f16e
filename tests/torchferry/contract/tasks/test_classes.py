"""What a class is told by, and how often each is."""

import jsonschema
import numpy as np
import pytest

from tests.torchferry.contract.tasks.answers import check, words
from torchferry.contract.tasks.classes import Binary, Classification

CATS = Classification(labels=("ant", "bee", "cat"))
YES = Binary(labels=("no", "yes"))


def test_a_class_is_told_by_its_probability() -> None:
    best, next_ = {"label": "bee", "probability": 0.625}, {"label": "cat", "probability": 0.25}
    assert words(CATS, [0.125, 0.625, 0.25], 2) == {**best, "top_k": [best, next_]}


@pytest.mark.parametrize(("given", "said"), [(0.125, ("no", 0.875)), (0.75, ("yes", 0.75)), (0.5, ("no", 0.5))])
def test_of_one_probability_the_other_label_has_the_rest(given: float, said: tuple[str, float]) -> None:
    answer = words(YES, [given])
    assert (answer["label"], answer["probability"]) == said
    assert sum(each["probability"] for each in answer["top_k"]) == 1


def test_nan_is_no_classs_probability() -> None:
    top = words(CATS, [np.nan, 0.75, 0.25])["top_k"]
    assert [each["label"] for each in top] == ["bee", "cat", None]
    assert [each["label"] for each in words(YES, [np.nan])["top_k"]] == [None, None]


def test_the_schema_is_of_its_own_labels() -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(CATS, words(YES, [0.5]))


def test_each_answer_counts_for_its_best_label_and_nan_for_none() -> None:
    scores = np.eye(3, dtype=np.float32)[[2, 2, 0, 1]]
    scores[3, 0] = np.nan
    assert CATS.counts({"probabilities": scores}).tolist() == [1, 0, 2]
    given = np.array([[0.5], [0.75], [0.1], [np.nan]], np.float32)
    assert YES.counts({"probability": given}).tolist() == [2, 1]
    for task in (CATS, YES):
        assert task.counts({task.outputs[0]: np.zeros((0, len(task.labels)), np.float32)}).tolist() == [0] * len(
            task.labels
        )


@pytest.mark.parametrize("task", [CATS, YES])
def test_targets_are_counted_as_answers_are(task: Classification) -> None:
    assert task.counted == task.labels
    assert task.counts_of(np.array([1, 1, 0])).tolist() == [1, 2, *[0] * (len(task.labels) - 2)]
    assert task.counts_of(np.array([[1], [0]])).sum() == 2


def test_the_columns_of_scores_are_the_labels() -> None:
    scores = np.array([[0.25], [0.75]])
    np.testing.assert_array_equal(np.concatenate(YES.columns(scores), axis=1), [[0.75, 0.25], [0.25, 0.75]])
    assert CATS.columns(scores) == (scores,)
    assert CATS.scores_labels
    assert YES.scores_labels


def test_a_ranking_of_all_classes_is_read_back() -> None:
    for task, numbers in ((CATS, [0.125, 0.625, 0.25]), (YES, [0.75]), (YES, [0.25])):
        np.testing.assert_array_equal(task.read(words(task, numbers, 3))[task.outputs[0]], numbers)
