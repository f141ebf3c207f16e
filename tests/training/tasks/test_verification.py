"""The half with torch learns classes, and is judged by pairs."""

import numpy as np
import pytest
import torch

from torchferry.contract.tasks.embedding import Embedding as EmbeddingTask
from torchferry.contract.tasks.verification import Verification as VerificationTask
from torchferry.errors import UserError
from torchferry.training.tasks import half_of
from torchferry.training.trainer.losses import build_loss

TASK = half_of(VerificationTask(labels=("a", "b", "c")))
OUTPUTS = torch.tensor([[1.0, 0], [0, 2], [1, 1]])
TARGETS = torch.tensor([[0, 0, 0], [1, 0, 0], [2, 1, 1]])


def test_losses_are_of_the_classes() -> None:
    embedding = half_of(EmbeddingTask(labels=("a", "b", "c")))
    assert TASK.test_loss(OUTPUTS, TARGETS) == embedding.test_loss(OUTPUTS, TARGETS[:, 0])
    loss = build_loss(None, TASK)
    assert loss(*TASK.for_loss(OUTPUTS, TARGETS)) == loss(OUTPUTS, TARGETS[:, 0])


def test_targets_of_all_kinds_are_legal() -> None:
    for given in (TASK.blank_targets(4), TASK.varied_targets(4, torch.Generator().manual_seed(0))):
        assert given.shape == (4, 3)
        assert TASK.wrong_targets(given) is None


def test_targets_that_cannot_be_are_told_by_sample() -> None:
    assert TASK.wrong_targets(torch.tensor([[0, 0, 1], [3, 0, 1]])) == (
        1,
        "has class 3, but there are 3 labels, 0 to 2",
    )
    wrong = TASK.wrong_targets(torch.tensor([[0, 0, 2]]))
    assert wrong == (0, "is of a pair that is neither the same, 1, nor different, 0")


def test_a_file_of_arrays_has_pairs_without_classes() -> None:
    assert TASK.read_targets(np.array([[4, 1], [4, 1]]), "y").tolist() == [[0, 4, 1], [0, 4, 1]]
    for given in (np.zeros(3, int), np.zeros((3, 2))):
        with pytest.raises(UserError, match=r"^y is .*; whole numbers \[samples, 2\] are expected"):
            TASK.read_targets(given, "y")


def test_a_pair_that_is_none_is_refused() -> None:
    for given, words in (
        ([[4, 1], [5, 0], [4, 1]], "^y has 1 samples of pair 5; a pair is of two"),
        ([[4, 1], [4, 1], [4, 1]], "^y has 3 samples of pair 4"),
        ([[7, 0], [4, 1], [7, 0], [4, 0]], "^y calls pair 4 both the same and different"),
    ):
        with pytest.raises(UserError, match=words):
            TASK.read_targets(np.array(given), "y")


def test_a_caption_is_the_class() -> None:
    assert TASK.caption({}, torch.tensor([1, 0, 0])) == ("b", False)
