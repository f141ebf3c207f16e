"""Rows for training and for the test, by what they hold or shuffled."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from tests.training.data.sources import refusal
from torchferry.training.data.membership import held_out
from torchferry.training.data.tables.table_split import check_classes, split_rows

KEYS = np.random.default_rng(0).integers(0, 2**64, 500, dtype=np.uint64)
CLASSES = np.arange(500) % 3


def test_hash_goes_by_the_rows_keys_alone() -> None:
    train, test = split_rows(KEYS, 0.2, 7, "hash", CLASSES)
    assert test.tolist() == np.flatnonzero(held_out(KEYS, 0.2, 7)).tolist()
    assert sorted([*train, *test]) == [*range(500)]
    assert split_rows(KEYS[:300], 0.2, 7, "hash", None)[1].tolist() == [row for row in test if row < 300]


def test_shuffle_is_scikit_learns_split() -> None:
    for classes in (None, CLASSES):
        train, test = train_test_split(np.arange(500), test_size=0.2, random_state=42, stratify=classes)
        found = split_rows(KEYS, 0.2, 42, "shuffle", classes)
        assert [part.tolist() for part in found] == [train.tolist(), test.tolist()]


@pytest.mark.parametrize("how", ["hash", "shuffle"])
def test_with_a_fraction_of_0_both_are_all_rows(how: str) -> None:
    train, test = split_rows(KEYS[:4], 0, 1, how, None)  # type: ignore[arg-type]
    assert train.tolist() == test.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("keys", "fraction", "how", "words"),
    [
        (KEYS[:3], 0.01, "hash", ": none of 3 rows is in the test set; change data.source.args.test_fraction or"),
        (KEYS[:1].repeat(9), 0.99, "hash", ": none of 9 rows is in the training set; change data.source.args."),
        (KEYS[:1], 0.2, "shuffle", ": 1 rows cannot be split at 0.2: ValueError: "),
    ],
)
def test_both_sides_have_rows(keys: np.ndarray, fraction: float, how: str, words: str) -> None:
    refused = refusal(lambda: split_rows(keys, fraction, 42, how, None))  # type: ignore[arg-type]
    assert refused.startswith(f"data.source.args.test_fraction{words}")


def test_a_class_has_a_training_row_and_one_without_a_test_row_is_said() -> None:
    classes, labels = np.array([0, 1, 2, 0]), ("ant", "bee", "cat")
    assert check_classes(classes, np.arange(4), np.arange(3), labels) == []
    assert check_classes(classes, np.arange(4), np.array([0]), labels) == ["no test row is of class 'bee', 'cat'"]
    words = "data.source.args.test_fraction: no training row is of class 'cat'; change "
    assert refusal(lambda: check_classes(classes, np.array([0, 1]), np.array([2, 3]), labels)).startswith(words)
