"""Frozen parameters are out of training, and BatchNorm beside them keeps its statistics in every mode."""

import copy

import pytest
import torch
from torch import nn

from tests.training.data.sources import refusal
from torchferry.training.data.source import TensorInput
from torchferry.training.models.frozen import freeze
from torchferry.training.models.normalized import Normalized


def model() -> Normalized:
    body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4, affine=False), nn.Dropout())
    return Normalized(nn.Sequential(body, nn.BatchNorm1d(4), nn.Linear(4, 2)), TensorInput(shape=(3,)))


def trains(of: Normalized) -> list[str]:
    return [name for name, module in of.network.named_modules() if module.training and not list(module.children())]


def frozen(*patterns: str) -> Normalized:
    made = model()
    freeze(made, patterns)
    return made


def test_only_what_matches_is_frozen() -> None:
    made = frozen("0.*", "2.bias")
    trained = [name for name, value in made.network.named_parameters() if value.requires_grad]
    assert trained == ["1.weight", "1.bias", "2.weight"]


@pytest.mark.parametrize(
    ("patterns", "training"),
    [
        ([], ["0.0", "0.1", "0.2", "0.3", "1", "2"]),
        (["0.*"], ["0.0", "0.3", "1", "2"]),
        (["0.1.*"], ["0.0", "0.2", "0.3", "1", "2"]),
        (["0.1.weight"], ["0.0", "0.1", "0.2", "0.3", "1", "2"]),
        (["1.*"], ["0.0", "0.1", "0.2", "0.3", "2"]),
    ],
)
def test_batchnorm_stays_in_evaluation_where_all_its_parameters_are_frozen(
    patterns: list[str], training: list[str]
) -> None:
    made = frozen(*patterns)
    assert trains(made) == training
    assert trains(made.eval()) == []
    assert trains(made.train()) == training
    assert trains(copy.deepcopy(made).eval().train()) == training
    assert trains(nn.ModuleList([made]).train()[0]) == training  # type: ignore[arg-type]


def test_statistics_stay_bit_for_bit_and_what_is_not_frozen_moves() -> None:
    made = frozen("0.*")
    before = {name: value.clone() for name, value in made.network.named_buffers()}
    made.train()(torch.rand(8, 3)).sum().backward()
    moved = [name for name, value in made.network.named_buffers() if not torch.equal(value, before[name])]
    assert moved == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert made.network.get_parameter("0.0.weight").grad is None


def test_a_network_that_froze_something_itself_is_left_to_itself() -> None:
    made = model()
    made.network.requires_grad_(False)
    freeze(made, [])
    assert len(trains(made.train())) == 6


def test_nothing_left_to_train_is_refused() -> None:
    assert refusal(lambda: frozen("0.*", "1.*", "2.*")) == "freeze: 0.*, 1.*, 2.* leave no parameter to train"
    assert refusal(lambda: frozen("3.*")).startswith("freeze: no parameter matches '3.*'; ")
