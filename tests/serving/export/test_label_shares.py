"""Label frequencies from the training samples, or else from the test samples."""

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from tests.serving.export.tiny_reference import tiny_reference
from torchferry.serving.export.label_shares import label_shares
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples

ROWS = torch.zeros(4, 3)
NONE = np.zeros(2)
"""Counts of a test set without targets."""


class Listed(Dataset):
    """As torchvision's: reading a sample is slow, the classes are in a list."""

    def __init__(self) -> None:
        self.targets = [1, 1, 1, 0]

    def __getitem__(self, index: int) -> None:
        raise AssertionError(f"sample {index} was read")


def reference(calibration: Dataset | None, task: str = "classification") -> Reference:
    samples = Samples(calibration, ("row",)) if calibration is not None else None
    return tiny_reference(calibration=samples, task=task)


def test_shares_are_those_of_the_training_samples() -> None:
    trained = TensorDataset(ROWS, torch.tensor([0, 1, 1, 1]))
    assert label_shares(reference(trained), np.array([2, 0])) == [0.25, 0.75]
    assert label_shares(reference(Listed(), "binary"), NONE) == [0.25, 0.75]


def test_without_them_shares_are_those_of_the_test_samples_or_unknown() -> None:
    assert label_shares(reference(None), np.array([2.0, 0.0])) == [1.0, 0.0]
    assert label_shares(reference(TensorDataset(ROWS)), NONE) == []
    assert label_shares(reference(None), NONE) == []


def test_where_there_are_no_classes_there_are_no_shares() -> None:
    for task in ("regression", "tensors"):
        assert label_shares(reference(Listed(), task), np.zeros(0)) == []


def test_targets_in_a_column_count_as_well() -> None:
    trained = TensorDataset(ROWS, torch.tensor([[0.0], [1], [1], [1]]))
    assert label_shares(reference(trained, "binary"), NONE) == [0.25, 0.75]


def test_of_several_labels_a_sample_each_has_its_share_of_all() -> None:
    trained = TensorDataset(ROWS, torch.tensor([[1, 1], [0, 1], [0, 1], [0, 0]], dtype=torch.uint8))
    assert label_shares(reference(trained, "multilabel"), NONE) == [0.2, 0.6, 0.2]


def test_targets_of_several_tensors_are_put_together_as_in_training() -> None:
    """Of boxes and their labels, of which the second picture has one fewer."""
    trained = TensorDataset(ROWS[:2], torch.zeros(2, 2, 4), torch.tensor([[0, 1], [1, -1]]))
    found = label_shares(reference(trained, "detection"), NONE)
    assert found == [0.333333, 0.666667, 0.0]
