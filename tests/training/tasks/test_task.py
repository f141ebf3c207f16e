"""What tasks share: targets in any tree of tensors, and a model as a server runs it."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.tasks.task import Served, TrainingTask, as_numpy, on


def test_a_served_model_gives_answers() -> None:
    given = torch.tensor([[1.0, 2, 3]])
    assert torch.equal(Served(nn.Identity(), tiny.task())(given), given.softmax(dim=1))


def test_targets_of_samples_become_those_of_a_batch() -> None:
    assert tiny.task().batched([3, torch.tensor(4)]).tolist() == [3, 4]
    rows = torch.arange(4)
    assert tiny.task().of_tensors([rows]) is rows


def test_targets_may_be_a_tree() -> None:
    tree = {"boxes": torch.zeros(2, 4), "parts": (torch.ones(1), torch.ones(2))}
    moved = on(tree, torch.device("meta"))
    assert (moved["boxes"].device.type, moved["parts"][1].device.type) == ("meta", "meta")
    arrays = as_numpy(tree)
    assert isinstance(arrays["parts"][0], np.ndarray)
    assert arrays["boxes"].shape == (2, 4)


def test_a_task_that_reads_no_arrays_says_so() -> None:
    with pytest.raises(UserError, match=r"^y: is float64 \[3\]; "):
        TrainingTask.read_targets(tiny.task(), np.zeros(3), "y")
    with pytest.raises(UserError, match=r"^--task: what outputs of \[1, 2\] mean is known of trained"):
        TrainingTask.labels_in(tiny.task(), torch.zeros(1, 2), "--task")
