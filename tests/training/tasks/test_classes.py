"""Classes: losses of logits, targets that are read, and captions with the names."""

import re

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training import tiny
from torchferry.contract.tasks.classes import Classification
from torchferry.errors import UserError
from torchferry.training.tasks import half_of

THREE, TWO = tiny.task(), tiny.task("binary", 2)
LOGITS, CLASSES = torch.tensor([[2.0, 1, 0], [0, 3, 1], [1, 0, 5]]), torch.tensor([0, 1, 1])
LOGIT, SIDES = torch.tensor([[2.0], [-1], [0.5]]), torch.tensor([1, 1, 0])


def test_the_losses_are_sums_over_the_samples() -> None:
    assert torch.allclose(THREE.test_loss(LOGITS, CLASSES), 3 * functional.cross_entropy(LOGITS, CLASSES))
    expected = functional.binary_cross_entropy_with_logits(LOGIT[:, 0], SIDES.float())
    assert torch.allclose(TWO.test_loss(LOGIT, SIDES), 3 * expected)
    assert TWO.for_loss(LOGIT, SIDES)[1].tolist() == [[1], [1], [0]]


def test_the_graph_gives_probabilities() -> None:
    assert torch.equal(THREE.answers(LOGITS)["probabilities"], LOGITS.softmax(dim=1))
    assert torch.equal(TWO.answers(LOGIT)["probability"], LOGIT.sigmoid())


def test_a_class_without_a_label_is_wrong() -> None:
    for wrong in (3, -1):
        found = THREE.wrong_targets(torch.tensor([0, wrong, 7]))
        assert found == (1, f"has class {wrong}, but there are 3 labels, 0 to 2")


@pytest.mark.parametrize("given", [np.array([2, 0, 1]), np.array([[2], [0], [1]], dtype=np.uint8)])
def test_class_indices_are_read_with_or_without_an_axis(given: np.ndarray) -> None:
    read = THREE.read_targets(given, "y")
    assert (read.tolist(), str(read.dtype)) == ([2, 0, 1], "int64")


@pytest.mark.parametrize("given", [np.array([1.0, 0.0]), np.array([True, False]), np.array([1, 0])])
def test_sides_are_read_of_any_numbers(given: np.ndarray) -> None:
    assert TWO.read_targets(given, "y").tolist() == [1, 0]


def test_other_targets_are_refused() -> None:
    for task, given, words in (
        (THREE, np.array([0.5]), "y is float64 [1]; integers are expected, [samples] or [samples, 1]"),
        (THREE, np.array([[1, 2]]), "y is int64 [1, 2]; integers are expected"),
        (TWO, np.array([0, 2]), "y is int64 [2]; 0 and 1 are expected"),
        (TWO, np.array(1), "y is int64 []; 0 and 1 are expected"),
    ):
        with pytest.raises(UserError, match=f"^{re.escape(words)}"):
            task.read_targets(given, "y")


def test_a_network_for_two_sides_gives_one_logit() -> None:
    assert (THREE.labels_in(torch.zeros(2, 5), "--task"), TWO.labels_in(torch.zeros(2, 1), "--task")) == (5, 2)
    with pytest.raises(UserError, match=r"^--task: needs one logit for each sample; the model gives 2$"):
        TWO.labels_in(torch.zeros(2, 2), "--task")


@pytest.mark.parametrize(
    ("truth", "guess", "text", "mistaken"),
    [
        (0, 0, "true: cat\npredicted: cat", False),
        (0, 1, "true: cat\npredicted: a dog", True),
        (1, 0, "true: a dog\npredicted: cat", True),
    ],
)
def test_a_caption_names_the_true_and_the_predicted_class(truth: int, guess: int, text: str, mistaken: bool) -> None:
    task = half_of(Classification(labels=("cat", "a\ndog")))
    assert task.caption({"probabilities": np.eye(2)[guess]}, torch.tensor(truth)) == (text, mistaken)


def test_a_caption_of_two_sides() -> None:
    assert TWO.caption({"probability": np.array([0.7])}, torch.tensor(0)) == ("true: 0\npredicted: 1", True)
