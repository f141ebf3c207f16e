"""A reference gives its outputs by name, and a served model's logits as what they mean."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.export.tiny_reference import ROWS, half, tiny_reference
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.training.tasks.task import Served


class Difference(nn.Module):
    """Two inputs of which the order matters, and two outputs."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return left - right, left.sum(1)


def test_inputs_and_outputs_go_by_name_whatever_their_order() -> None:
    inputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 2)) for name in ("left", "right"))
    outputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1,)) for name in ("difference", "total"))
    reference = tiny_reference(module=Difference(), inputs=inputs, outputs=outputs)
    given = {"right": np.array([[1, 1]], np.float32), "left": np.array([[3, 5]], np.float32)}
    answered = reference.run(given)
    assert {name: values.tolist() for name, values in answered.items()} == {"difference": [[2.0, 4.0]], "total": [8.0]}


def test_as_many_outputs_as_were_said_are_given() -> None:
    one = (TensorSpec(name="difference", datatype="FP32", shape=(-1, 2)),)
    inputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 3)) for name in ("left", "right"))
    reference = tiny_reference(module=Difference(), inputs=inputs, outputs=one)
    with pytest.raises(ValueError, match="zip"):
        reference.run({"left": ROWS.numpy(), "right": ROWS.numpy()})


def test_nothing_is_kept_for_a_backward_pass() -> None:
    reference = tiny_reference(module=Served(nn.Linear(3, 2), half("regression")))
    assert any(parameter.requires_grad for parameter in reference.module.parameters())
    assert reference.run({"row": ROWS.numpy()})["probabilities"].shape == (6, 2)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("classification", [[0.25, 0.75]]),
        ("binary", [[0.5, 0.75]]),
        ("multilabel", [[0.5, 0.75]]),
        ("regression", [[0.0, np.log(3)]]),
        ("tensors", [[0.0, np.log(3)]]),
    ],
)
def test_logits_become_probabilities_where_they_are_of_classes(task: str, expected: list[list[float]]) -> None:
    given = Served(nn.Identity(), half(task))(torch.tensor([[0.0, np.log(3)]]))
    np.testing.assert_allclose(given, expected, rtol=1e-6)
