"""The labels of a bundle for which predictions are counted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.contract.tasks.heads import Heads
from torchferry.serving.bundle.bundle import load
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predicted_labels import MOST_LABELS, counted_labels, counts_of, training_shares


def test_a_bundle_knows_them_and_one_from_before_does_not(bundle: Path) -> None:
    loaded = load(bundle)
    assert loaded.label_shares.keys() == set(loaded.labels)
    assert sum(loaded.label_shares.values()) == pytest.approx(1, abs=1e-4)
    older = {key: value for key, value in loaded.reference.items() if key != "label_shares"}
    assert dataclasses.replace(loaded, reference=older).label_shares == {}


@pytest.mark.parametrize("task", ["classification", "binary"])
def test_labels_are_counted_where_they_are_few_and_distinct(task: str) -> None:
    assert counted_labels(described(task=task)) == (("", "no"), ("", "yes"))
    many = tuple(map(str, range(MOST_LABELS + 1)))
    assert counted_labels(described(task=task, labels=many[1:])) == tuple(("", label) for label in many[1:])
    for wrong in (many, ("cat", "cat"), ()):
        assert counted_labels(described(task=task, labels=wrong)) == ()


def test_labels_of_heads_are_told_apart() -> None:
    heads = {"kind": {"name": "classification"}, "price": {"name": "regression"}, "wet": {"name": "binary"}}
    task = Heads(heads=heads, labels=("kind: a", "kind: b", "price: euro", "wet: a", "wet: b"))
    outputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in heads)
    of_heads = described(task=task, outputs=outputs, reference={"label_shares": [0.1, 0.4, 0.125, 0.375]})
    assert counted_labels(of_heads) == (("kind", "a"), ("kind", "b"), ("wet", "a"), ("wet", "b"))
    assert [*training_shares(of_heads).values()] == [pytest.approx(share) for share in (0.2, 0.8, 0.25, 0.75)]


def test_shares_are_known_of_all_labels_or_of_none() -> None:
    assert training_shares(described()) == {("", "no"): 0.75, ("", "yes"): 0.25}
    assert training_shares(described(reference={})) == {}
    assert training_shares(described(task="multilabel")) == {}  # of before samples without a label were counted
    assert training_shares(described(labels=("cat", "cat"))) == {}
    assert training_shares(described(reference={"label_shares": [0.0, 0.0]})) == {}


@pytest.mark.parametrize("task", ["regression", "tensors"])
def test_what_has_no_classes_has_no_labels_to_count(task: str) -> None:
    assert counted_labels(described(task=task)) == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [([1.0], r"are \[1\], and it has 2 labels"), ([1.0, np.nan], "0 or more"), ([1.0, -1.0], "0 or more")],
)
def test_what_a_task_gives_is_looked_at(given: list[float], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, outputs = described(), {"probabilities": np.array([[0.25, 0.75]])}
    assert counts_of(bundle, outputs).tolist() == [0, 1]
    monkeypatch.setattr(type(bundle.task), "counts", lambda *_: np.array(given))
    with pytest.raises(ValueError, match=says):
        counts_of(bundle, outputs)
