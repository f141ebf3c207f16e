"""The labels of a bundle for which predictions are counted."""

import dataclasses
from pathlib import Path

import pytest

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import load
from torchferry.serving.codec.predicted_labels import MOST_LABELS, counted_labels


def test_a_bundle_knows_them_and_one_from_before_does_not(bundle: Path) -> None:
    loaded = load(bundle)
    assert loaded.label_shares.keys() == set(loaded.labels)
    assert sum(loaded.label_shares.values()) == pytest.approx(1, abs=1e-4)
    older = {key: value for key, value in loaded.reference.items() if key != "label_shares"}
    assert dataclasses.replace(loaded, reference=older).label_shares == {}


@pytest.mark.parametrize("task", ["classification", "binary", "multilabel"])
def test_labels_are_counted_where_they_are_few_and_distinct(task: str) -> None:
    assert counted_labels(described(task=task)) == ("no", "yes")
    many = tuple(map(str, range(MOST_LABELS + 1)))
    assert counted_labels(described(task=task, labels=many[1:])) == many[1:]
    for wrong in (many, ("cat", "cat"), ()):
        assert counted_labels(described(task=task, labels=wrong)) == ()


@pytest.mark.parametrize("task", ["regression", "tensors"])
def test_what_has_no_classes_has_no_labels_to_count(task: str) -> None:
    assert counted_labels(described(task=task)) == ()
