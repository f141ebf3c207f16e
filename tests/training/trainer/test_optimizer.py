"""Optimizers go by torch's names; what cannot train is refused with the recipe's key."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.data.sources import refusal
from torchferry.training.config.recipe import OptimizerConfig
from torchferry.training.trainer.optimizer import OPTIMIZERS, build_optimizer


def network() -> nn.Sequential:
    """Of which the second layer is frozen."""
    made = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 4, bias=False))
    made[1].weight.requires_grad_(False)
    return made


def test_all_of_torchs_optimizers_are_known_and_nothing_else_is() -> None:
    assert {"SGD", "Adam", "AdamW", "RMSprop"} < OPTIMIZERS.keys()
    assert "Optimizer" not in OPTIMIZERS
    assert all(issubclass(known, torch.optim.Optimizer) for known in OPTIMIZERS.values())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["SGD", "torch.optim.SGD"])
def test_it_moves_what_is_not_frozen(name: str) -> None:
    given = network()
    optimizer = build_optimizer(OptimizerConfig(name=name, args={"lr": 0.25}), given)
    assert [[each is given[0].weight for each in group["params"]] for group in optimizer.param_groups] == [[True]]
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert "name" not in optimizer.param_groups[0]


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
    assert words in refusal(lambda: build_optimizer(OptimizerConfig(name=name, args=args), network()))


def test_a_network_that_is_all_frozen_is_refused() -> None:
    words = refusal(lambda: build_optimizer(OptimizerConfig(name="SGD"), network()[1]))
    assert words == "model: has no parameter to train"


def test_each_group_has_its_arguments_and_the_others_the_optimizers_own() -> None:
    given = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    groups = [{"match": "1.*", "lr": 0.5, "betas": [0.5, 0.9]}]
    optimizer = build_optimizer(OptimizerConfig(name="AdamW", args={"lr": 0.25}, groups=groups), given)
    rest, head = optimizer.param_groups
    assert (rest["name"], rest["lr"], rest["betas"]) == ("rest", 0.25, (0.9, 0.999))
    assert (head["name"], head["lr"], tuple(head["betas"])) == ("1.*", 0.5, (0.5, 0.9))
    assert [list(map(id, group["params"])) for group in (rest, head)] == [
        list(map(id, layer.parameters())) for layer in given
    ]


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"lr": -1.0}, "optimizer.groups[0]: SGD could not be built: ValueError: Invalid learning rate: -"),
        ({"lr": "fast"}, "optimizer.groups[0]: SGD could not be built: TypeError"),
        ({"weight_decey": 0}, "optimizer.groups[0]: SGD has no argument 'weight_decey'; did you mean weight_decay?"),
        ({"fused": True}, "optimizer.groups[0]: fused is the whole optimizer's; give it in optimizer.args"),
        ({"params": []}, "optimizer.groups[0]: SGD has no argument 'params'; "),
    ],
)
def test_a_groups_arguments_are_checked_as_the_optimizers(group: dict[str, Any], words: str) -> None:
    for layer_decay in (None, 0.5):
        config = OptimizerConfig(name="SGD", groups=[{"match": "0.*", **group}], layer_decay=layer_decay)
        assert words in refusal(partial(build_optimizer, config, network()))
