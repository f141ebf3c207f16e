"""Optimizers and losses go by torch's names; what cannot train is refused with the recipe's key."""

import pytest
import torch
from torch import nn

from tests.training.data.sources import refusal
from torchferry.training.config.instantiate import Component
from torchferry.training.trainer.optim import OPTIMIZERS, build_optimizer


def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3), requires_grad=False)]


def test_all_of_torchs_optimizers_are_known_and_nothing_else_is() -> None:
    assert {"SGD", "Adam", "AdamW", "RMSprop"} < OPTIMIZERS.keys()
    assert "Optimizer" not in OPTIMIZERS
    assert all(issubclass(known, torch.optim.Optimizer) for known in OPTIMIZERS.values())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["SGD", "torch.optim.SGD"])
def test_it_moves_what_is_not_frozen(name: str) -> None:
    given = parameters()
    optimizer = build_optimizer(Component(name=name, args={"lr": 0.25}), given)
    assert [[each is given[0] for each in group["params"]] for group in optimizer.param_groups] == [[True]]
    assert optimizer.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("LBFGS", {}, "optimizer.name: LBFGS evaluates the loss several times in a step"),
        ("Nothing", {}, "optimizer.name: 'Nothing' is not one of ASGD, Adadelta, "),
        ("SGD", {"rate": 1}, "optimizer.args.rate: unknown argument of SGD"),
        ("SGD", {"lr": -1.0}, "optimizer: SGD could not be built: ValueError: Invalid learning rate: -1.0"),
        ("builtins.list", {}, "optimizer.name: builtins.list gives a list, no Optimizer"),
    ],
)
def test_what_is_no_optimizer_is_refused(name: str, args: dict[str, float], words: str) -> None:
    assert words in refusal(lambda: build_optimizer(Component(name=name, args=args), parameters()))


def test_a_network_that_is_all_frozen_is_refused() -> None:
    words = refusal(lambda: build_optimizer(Component(name="SGD"), parameters()[1:]))
    assert words == "model: has no parameter to train"
