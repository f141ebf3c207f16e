"""Several labels: a loss that is a mean over them, targets of 0 and 1, captions that list what is given."""

import re

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training import tiny
from torchferry.errors import UserError

TASK = tiny.task("multilabel", 3, thresholds=(0.5, 0.2, 0.9))
LOGITS, TARGETS = torch.tensor([[2.0, -1, 0], [0, 3, 1]]), torch.tensor([[1, 0, 0], [0, 1, 1]], dtype=torch.uint8)


def test_the_loss_is_a_sum_over_samples_of_means_over_labels() -> None:
    expected = 2 * functional.binary_cross_entropy_with_logits(LOGITS, TARGETS.float())
    assert torch.allclose(TASK.test_loss(LOGITS, TARGETS), expected)
    given, targets = TASK.for_loss(LOGITS.bfloat16(), TARGETS)
    assert (given.dtype, targets.dtype) == (torch.bfloat16, torch.bfloat16)


def test_the_graph_gives_each_labels_probability() -> None:
    assert torch.equal(TASK.answers(LOGITS)["probabilities"], LOGITS.sigmoid())
    assert TASK.labels_in(torch.zeros(4, 7), "--task") == 7


def test_a_target_is_0_or_1() -> None:
    assert TASK.wrong_targets(TARGETS) is None
    wrong = torch.tensor([[1, 0, 0], [0, 2, 0]], dtype=torch.uint8)
    assert TASK.wrong_targets(wrong) == (1, "has a target that is neither 0 nor 1")


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.bool_])
def test_targets_are_read_of_any_numbers(kind: type) -> None:
    read = TASK.read_targets(TARGETS.numpy().astype(kind), "y")
    assert (read.tolist(), str(read.dtype)) == (TARGETS.tolist(), "uint8")


@pytest.mark.parametrize(
    "given", [np.array([[0, 2, 1]]), np.array([0, 1, 1]), np.array([["a", "b", "c"]]), np.array([[0.5, 0, 1]])]
)
def test_other_targets_are_refused(given: np.ndarray) -> None:
    words = f"y is {given.dtype} {list(given.shape)}; 0 and 1 are expected, [samples, labels]"
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        TASK.read_targets(given, "y")


@pytest.mark.parametrize(
    ("answer", "truth", "text", "mistaken"),
    [
        ([0.6, 0.3, 0.1], [1, 1, 0], "true: 0, 1\npredicted: 0, 1", False),
        ([0.4, 0.1, 0.8], [0, 0, 0], "true: none\npredicted: none", False),
        ([0.6, 0.9, 0.95], [0, 0, 1], "true: 2\npredicted: 0, 1, 2", True),
    ],
)
def test_a_caption_lists_labels_in_their_order(
    answer: list[float], truth: list[int], text: str, mistaken: bool
) -> None:
    given = {"probabilities": np.array(answer, dtype=np.float32)}
    assert TASK.caption(given, torch.tensor(truth, dtype=torch.uint8)) == (text, mistaken)
