"""Any number of labels, each from its own threshold on."""

from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.torchferry.contract.tasks.answers import check, words
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.task import NONE
from torchferry.errors import UserError

LABELS = ("ant", "bee", "cat")
SOME = Multilabel(labels=LABELS)
EACH = Multilabel(labels=LABELS, thresholds=(0.25, 0.9, 0.5))


@pytest.mark.parametrize(
    ("task", "given", "labels"),
    [
        (SOME, [0.25, 0.75, 0.875], ["cat", "bee"]),
        (SOME, [0.5, 0.5, 0.25], ["ant", "bee"]),
        (SOME, [0, 0, 0], []),
        (EACH, [0.25, 0.75, 0.875], ["cat", "ant"]),
        (EACH, [0, 0.9, 0], ["bee"]),  # 0.9 of float32 is another number than Python's
        (Multilabel(labels=LABELS, thresholds=0), [0, 0, 0], ["ant", "bee", "cat"]),
    ],
)
def test_labels_are_told_from_their_threshold_on_the_best_first(
    task: Multilabel, given: list[float], labels: list[str]
) -> None:
    said = words(task, given, 1)
    assert said["labels"] == labels
    assert said["probabilities"] == pytest.approx(dict(zip(LABELS, given, strict=True)))


def test_nan_gives_no_label() -> None:
    said = words(SOME, [np.nan, 0.75, 0.25])
    assert said["labels"] == ["bee"]
    assert np.isnan(said["probabilities"]["ant"])
    assert SOME.counts({"probabilities": np.array([[np.nan, 0.75, 0.25]])}).tolist() == [0, 1, 0, 0]


def test_the_schema_is_of_its_own_labels() -> None:
    said = words(SOME, [0.75, 0.25, 0.75])
    for wrong in (said | {"labels": ["dog"]}, said | {"probabilities": {"ant": 0.5}}, {"labels": ["ant"]}):
        with pytest.raises(jsonschema.ValidationError):
            check(SOME, wrong)
    words(Multilabel(labels=("cat", "cat")), [0.75, 0.75])


def test_every_label_that_is_given_counts_and_so_does_a_sample_without_any() -> None:
    scores = np.array([[0.25, 0.75, 0.5], [0.1, 0.95, 0.4]], np.float32)
    assert SOME.counted == (*LABELS, NONE)
    assert SOME.counts({"probabilities": scores}).tolist() == [0, 2, 1, 0]
    assert EACH.counts({"probabilities": scores}).tolist() == [1, 1, 1, 0]
    assert SOME.counts({"probabilities": np.concatenate([scores, 0 * scores])}).tolist() == [0, 2, 1, 2]
    assert SOME.counts_of(np.array([[0, 1, 1], [0, 1, 0], [0, 0, 0]], np.uint8)).tolist() == [0, 2, 1, 1]
    assert Multilabel().counted == ()


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        (1.5, "1.5 is no threshold; give numbers from 0 to 1"),
        (-0.1, "-0.1 is no threshold"),
        (True, "True is no threshold"),
        ("high", "'high' is no threshold"),
        (float("nan"), "nan is no threshold"),
        ((0.5, 2, 0.5), "2 is no threshold"),
        ((0.5, 0.5), "has 2 numbers; one for each of 3 labels is expected, or one for all"),
        ((), "has 0 numbers; one for each of 3 labels"),
    ],
)
def test_what_is_no_threshold_is_refused(thresholds: Any, words: str) -> None:
    with pytest.raises(UserError, match=rf"^thresholds: {words}"):
        Multilabel(labels=LABELS, thresholds=thresholds)


def test_thresholds_are_settings_where_they_are_not_the_default() -> None:
    assert SOME.settings == {}
    assert EACH.settings == {"thresholds": (0.25, 0.9, 0.5)}
