"""Most networks give a number for each sample and output; others are refused in words."""

import re
from typing import Any

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.tasks.outputs import check_shape, one_of_scores


@pytest.mark.parametrize(
    ("given", "outputs", "words"),
    [
        (torch.zeros(2, 4), 3, "model: gives [4] per sample, not one output for each of 3 classes; see its args"),
        (torch.zeros(2), 1, "model: gives [] per sample, not one output; see its args"),
        (torch.zeros(5, 3), 3, "model: gives [3] per sample, not one output for each of 3 classes; see its args"),
        ({"a": torch.zeros(2, 3)}, 3, "model: gives dict per sample, not one output for each of 3 classes"),
    ],
)
def test_another_shape_is_refused(given: Any, outputs: int, words: str) -> None:
    check_shape(torch.zeros(2, outputs), 2, outputs, "classes")
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        check_shape(given, 2, outputs, "classes")


def test_the_labels_of_a_network_are_its_outputs() -> None:
    assert one_of_scores(torch.zeros(8, 3), "--task") == 3
    eight = torch.zeros(8)
    cases = [((torch.zeros(8, 3), eight), "[8, 3], [8]"), (eight, "[8]"), (torch.zeros(8, 3, 4), "[8, 3, 4]")]
    for given, words in cases:
        expected = f"--task: needs one output of [batch, outputs], not {words}; say --task tensors"
        with pytest.raises(UserError, match=f"^{re.escape(expected)}$"):
            one_of_scores(given, "--task")
