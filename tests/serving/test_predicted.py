"""Which labels are counted, and how often they occur in what a model was trained on."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from serving.bundle import TensorSpec, load
from serving.export.label_shares import label_shares
from serving.export.reference import Reference
from serving.export.samples import Samples
from serving.predicted import MOST_LABELS, count_labels, counted_labels

ROWS = torch.zeros(4, 2)


class Listed(Dataset):
    """As torchvision's: reading a sample is slow, the classes are in a list."""

    def __init__(self) -> None:
        self.targets = [1, 1, 1, 0]

    def __getitem__(self, index: int) -> None:
        raise AssertionError(f"sample {index} was read")


def reference(calibration: Dataset | None, task: str = "classification") -> Reference:
    return Reference(
        name="one",
        task=task,
        module=nn.Identity(),
        inputs=(TensorSpec(name="row", datatype="FP32", shape=(-1, 2)),),
        outputs=(TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2)),),
        decode=None,
        labels=("no", "yes"),
        test=Samples(TensorDataset(ROWS), ("row",)),
        calibration=Samples(calibration, ("row",)) if calibration is not None else None,
        limits={},
        provenance={},
    )


def test_shares_are_those_of_the_training_samples() -> None:
    trained = TensorDataset(ROWS, torch.tensor([0, 1, 1, 1]))
    assert label_shares(reference(trained), np.array([0, 0])) == [0.25, 0.75]
    assert label_shares(reference(Listed(), "binary"), None) == [0.25, 0.75]


def test_without_them_shares_are_those_of_the_test_samples_or_unknown() -> None:
    assert label_shares(reference(None), np.array([0, 0])) == [1.0, 0.0]
    assert label_shares(reference(TensorDataset(ROWS)), None) == []
    assert label_shares(reference(Listed(), "regression"), None) == []


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
    assert count_labels(np.array([[0.5], [0.6], [0.1]], np.float32), binary).tolist() == [2, 1]
