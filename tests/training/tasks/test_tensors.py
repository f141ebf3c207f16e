"""Tensors are given as the network gives them; nothing can be trained."""

import pytest
import torch

from torchferry.contract.tasks.tensors import Tensors
from torchferry.training.tasks import half_of

TASK = half_of(Tensors(of_output={"a": None, "b": None}))


def test_the_graph_gives_what_the_network_gives() -> None:
    both = torch.zeros(2, 3), torch.ones(2)
    assert TASK.graph(both) is both
    assert TASK.answers(both) == {"a": both[0], "b": both[1]}
    assert half_of(Tensors(of_output={"a": None})).answers(both[0]) == {"a": both[0]}
    assert TASK.labels_in((torch.zeros(2, 3), torch.zeros(2)), "--task") == 0


def test_there_are_no_targets() -> None:
    for targets in (lambda: TASK.blank_targets(2), lambda: TASK.varied_targets(2, torch.Generator())):
        with pytest.raises(NotImplementedError):
            targets()
