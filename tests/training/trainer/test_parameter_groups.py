"""Each parameter that is trained is in one group, by the first pattern, the layer and whether it decays."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.data.sources import refusal
from torchferry.training.config.recipe import OptimizerConfig
from torchferry.training.trainer.parameter_groups import parameter_groups

DEFAULTS = {"lr": 0.1, "weight_decay": 0.01, "momentum": 0, "foreach": None}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2)


def grouped(network: nn.Module, defaults: Mapping[str, Any] = DEFAULTS, **config: Any) -> dict[str, tuple[Any, ...]]:
    """To each group's name its parameters' names, and what is the group's own."""
    names = {value: name for name, value in network.named_parameters()}
    made = parameter_groups(OptimizerConfig(name="SGD", **config), network, defaults)
    return {group.name: (" ".join(names[each] for each in group.parameters), group.arguments) for group in made}


def test_the_first_group_that_matches_has_a_parameter() -> None:
    groups = [{"match": "head.bias", "lr": 1.0}, {"match": ["head.*", "norm.w*"], "weight_decay": 0.5}]
    assert grouped(Network(), groups=groups) == {
        "rest": ("stem.weight stem.bias norm.bias", {}),
        "head.bias": ("head.bias", {"lr": 1.0}),
        "head.*, norm.w*": ("norm.weight head.weight", {"weight_decay": 0.5}),
    }


def test_without_a_rest_the_first_of_the_recipe_comes_first() -> None:
    assert list(grouped(Network(), groups=[{"match": "head.*"}, {"match": "*"}])) == ["head.*", "*"]


def test_norms_and_biases_decay_if_their_group_says_so() -> None:
    assert grouped(Network(), no_decay_on_norms_and_biases=True) == {
        "decay": ("stem.weight head.weight", {}),
        "no_decay": ("stem.bias norm.weight norm.bias head.bias", {"weight_decay": 0.0}),
    }
    groups = [{"match": "head.*", "lr": 1.0}, {"match": "norm.*", "weight_decay": 0.5}]
    assert grouped(Network(), groups=groups, no_decay_on_norms_and_biases=True) == {
        "rest": ("stem.weight", {}),
        "rest:no_decay": ("stem.bias", {"weight_decay": 0.0}),
        "head.*": ("head.weight", {"lr": 1.0}),
        "head.*:no_decay": ("head.bias", {"lr": 1.0, "weight_decay": 0.0}),
        "norm.*": ("norm.weight norm.bias", {"weight_decay": 0.5}),
    }


def test_norms_over_whole_images_and_biases_of_attention_do_not_decay_either() -> None:
    network = nn.Sequential(nn.LayerNorm([3, 4, 4]), nn.MultiheadAttention(4, 1), nn.LSTM(4, 2), nn.PReLU())
    decaying, _ = grouped(network, no_decay_on_norms_and_biases=True)["decay"]
    assert decaying == "1.in_proj_weight 1.out_proj.weight 2.weight_ih_l0 2.weight_hh_l0"


def test_a_layers_rate_falls_with_its_distance_from_the_last() -> None:
    found = grouped(Network(), layer_decay=0.5, groups=[{"match": "stem.bias", "lr": 0.8}])
    assert found == {
        "rest:head": ("head.weight head.bias", {"lr": 0.1}),
        "rest:norm": ("norm.weight norm.bias", {"lr": 0.05}),
        "rest:stem": ("stem.weight", {"lr": 0.025}),
        "stem.bias:stem": ("stem.bias", {"lr": 0.2}),
    }


def test_an_only_child_is_looked_into_and_parameters_beside_children_count_with_the_first() -> None:
    inner = Network()
    inner.token = nn.Parameter(torch.zeros(2))
    found = grouped(nn.Sequential(nn.Flatten(), inner), layer_decay=0.5)
    assert {name: members for name, (members, _) in found.items()} == {
        "head": "1.head.weight 1.head.bias",
        "norm": "1.norm.weight 1.norm.bias",
        "stem": "1.token 1.stem.weight 1.stem.bias",
    }


def test_frozen_parameters_are_in_no_group() -> None:
    network = Network()
    network.stem.requires_grad_(False)
    assert grouped(network, groups=[{"match": "*.bias"}]) == {
        "rest": ("norm.weight head.weight", {}),
        "*.bias": ("norm.bias head.bias", {}),
    }


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"groups": [{"match": "haed.*"}]},
         "optimizer.groups[0].match: no parameter matches 'haed.*'; did you mean head.*?"),
        ({"groups": [{"match": "*.bias"}, {"match": "norm.bias"}]},
         "optimizer.groups[1].match: norm.bias matches only what groups before it have"),
        ({"groups": [{"match": "stem.*"}]}, "optimizer.groups[0].match: stem.* matches frozen parameters alone"),
        ({"groups": [{"match": "*", "rate": 1}]},
         "optimizer.groups[0]: SGD has no argument 'rate'; it has lr, weight_decay, momentum"),
    ],
)  # fmt: skip
def test_a_group_that_would_change_nothing_is_refused(config: dict[str, Any], words: str) -> None:
    network = Network()
    network.stem.requires_grad_(False)
    assert refusal(lambda: grouped(network, **config)).startswith(words)


def test_what_the_optimizer_or_the_network_does_not_have_is_refused() -> None:
    words = refusal(lambda: grouped(Network(), {"lr": 0.1}, no_decay_on_norms_and_biases=True))
    assert words == "optimizer.no_decay_on_norms_and_biases: SGD has no weight_decay"
    assert refusal(lambda: grouped(Network(), {}, layer_decay=0.5)) == "optimizer.layer_decay: SGD has no lr"
    words = refusal(lambda: grouped(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), layer_decay=0.5))
    assert words == "optimizer.layer_decay: the network has no two parts at its top whose rates could differ"
