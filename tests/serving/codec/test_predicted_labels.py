"""The labels for which predictions are counted, and the label of an answer."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from torchferry.serving.bundle.bundle import load
from torchferry.serving.codec.predicted_labels import MOST_LABELS, count_labels, counted_labels


def test_a_bundle_knows_them_and_one_from_before_does_not(bundle: Path) -> None:
    loaded = load(bundle)
    assert loaded.label_shares.keys() == set(loaded.labels)
    assert sum(loaded.label_shares.values()) == pytest.approx(1, abs=1e-4)
    older = {key: value for key, value in loaded.reference.items() if key != "label_shares"}
    assert dataclasses.replace(loaded, reference=older).label_shares == {}


def test_labels_are_counted_where_they_are_few_and_distinct(bundle: Path) -> None:
    loaded = load(bundle)
    assert counted_labels(loaded) == loaded.labels
    many = tuple(map(str, range(MOST_LABELS + 1)))
    for wrong in ({"labels": many}, {"labels": ("cat", "cat")}, {"task": "regression"}, {"labels": ()}):
        assert counted_labels(dataclasses.replace(loaded, **wrong)) == ()


def test_the_label_is_the_most_probable_one(bundle: Path) -> None:
    loaded = load(bundle)
    counts = count_labels(np.eye(10, dtype=np.float32)[[2, 2, 9]], loaded)
    assert counts.tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 0, 1]
    binary = dataclasses.replace(loaded, task="binary", labels=("no", "yes"))
    assert count_labels(np.array([[0.5], [0.6], [0.1], [np.nan]], np.float32), binary).tolist() == [2, 1]
