"""The loss of an auxiliary answer counts half, and is divided as the loss itself is."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from torchferry.contract.tasks.segmentation import Segmentation
from torchferry.training.config.instantiate import Component
from torchferry.training.tasks import half_of
from torchferry.training.tasks.auxiliary import DividedWithAuxiliary, WithAuxiliary, with_auxiliary
from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.losses import build_loss

TASK = half_of(Segmentation(labels=("a", "b", "c")))
RAW = {
    name: torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    for seed, name in enumerate(("out", "aux"))
}
MASKS = torch.tensor([[0, 1], [2, 255]], dtype=torch.uint8).repeat(2, 2, 2)


def own(name: str) -> torch.Tensor:
    return functional.cross_entropy(RAW[name], MASKS.long(), ignore_index=255)


def test_the_second_answer_counts_half() -> None:
    loss = build_loss(None, TASK)
    assert isinstance(loss, DividedLoss)
    divisor = loss.divisor(MASKS)
    assert int(divisor) == 24  # of 32 pixels
    assert loss(*TASK.for_loss(RAW, MASKS)) / divisor == pytest.approx(float(own("out") + own("aux") / 2), rel=1e-5)
    for alone in ({"out": RAW["out"]}, RAW["out"]):
        assert loss(*TASK.for_loss(alone, MASKS)) / divisor == pytest.approx(float(own("out")), rel=1e-5)


def test_the_test_sets_loss_is_of_the_answer_alone() -> None:
    assert TASK.test_loss(RAW, MASKS) == TASK.test_loss(RAW["out"], MASKS)


def test_a_loss_that_is_a_mean_stays_one() -> None:
    mean = build_loss(Component(name="torch.nn.SmoothL1Loss"), TASK)
    assert type(mean) is WithAuxiliary
    assert not isinstance(mean, DividedLoss)
    assert mean({"out": torch.ones(2), "aux": torch.ones(2)}, torch.zeros(2)) == 0.75
    assert type(with_auxiliary(mean)) is WithAuxiliary
    assert type(with_auxiliary(build_loss(None, TASK))) is DividedWithAuxiliary


def test_the_network_is_in_the_recipe_as_any_other() -> None:
    """A part of it is trained by nothing but the second answer."""
    loss, network = build_loss(None, TASK), nn.ModuleDict({"out": nn.Conv2d(3, 3, 1), "aux": nn.Conv2d(3, 3, 1)})
    pictures = torch.rand(2, 3, 4, 4)
    given = {name: layer(pictures) for name, layer in network.items()}
    loss(*TASK.for_loss(given, MASKS)).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())
