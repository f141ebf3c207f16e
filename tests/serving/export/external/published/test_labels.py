"""The classes of published weights."""

import pytest
import torch
from torch import nn

from tests.serving.export.tiny_reference import half
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.published.labels import labels_that_fit
from torchferry.serving.export.external.published.preprocessing import Preprocessing

TAKEN = Preprocessing(origin="X_Weights.V1", size=(4, 4), arguments={}, labels=("cat", "dog"))
INPUTS = [read_input("image:4", 0, {})]


class Outputs(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        assert not self.training
        return torch.zeros(len(pictures), self.outputs)


class Pixels(Outputs):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(pictures), self.outputs, 4, 4)


def test_they_are_taken_where_the_network_knows_as_many(capsys: pytest.CaptureFixture[str]) -> None:
    for task in (None, "classification", "multilabel"):
        assert labels_that_fit(TAKEN, Outputs(2), INPUTS, half(task) if task else None) == ("cat", "dog")
        assert capsys.readouterr().out == "labels: the 2 classes of X_Weights.V1; --labels gives others\n"


def test_they_are_those_of_each_pixel_where_the_task_is_segmentation() -> None:
    assert labels_that_fit(TAKEN, Pixels(2), INPUTS, half("segmentation")) == ("cat", "dog")
    assert labels_that_fit(TAKEN, Pixels(2), INPUTS, None) == ()


@pytest.mark.parametrize(
    ("network", "taken", "task"),
    [
        (Outputs(3), TAKEN, None),
        (Outputs(2), TAKEN, "tensors"),
        (Outputs(2), TAKEN, "binary"),
        (Outputs(2), None, None),
        (nn.Identity(), TAKEN, None),
        (nn.Linear(3, 2), TAKEN, None),
    ],
)
def test_they_are_not_taken_elsewhere(
    network: nn.Module, taken: Preprocessing | None, task: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert labels_that_fit(taken, network, INPUTS, half(task) if task else None) == ()
    assert capsys.readouterr().out == ""
