"""The networks of the recipes: what each takes and gives, and that weights saved earlier still fit."""

import pytest
import torch
from torch import nn

from torchferry.training.models import NETWORKS
from torchferry.training.models.resnet9 import ResNet9
from torchferry.training.models.seed_nets import (
    MLP,
    Cifar2CNN,
    CifarCNN,
    ConvNet224,
    DigitsCNN,
    FashionCNN,
    MnistCNN,
    TwoLayerNet,
)


@pytest.mark.parametrize(
    ("network", "shape", "outputs", "parameters"),
    [
        (DigitsCNN(), (1, 8, 8), 10, 188_234),
        (DigitsCNN(classes=3, width=4), (1, 8, 8), 3, 17_819),
        (MLP([64, 32, 10]), (1, 8, 8), 10, 64 * 32 + 32 + 32 * 10 + 10),
        (MnistCNN(), (1, 28, 28), 10, 21_840),
        (FashionCNN(), (1, 28, 28), 10, 421_642),
        (CifarCNN(), (3, 32, 32), 10, 175_178),
        (Cifar2CNN(), (3, 32, 32), 10, 2_175_626),
        (ConvNet224(classes=4), (3, 224, 224), 4, 14_340),
        (TwoLayerNet(5, 7, 2), (5,), 2, 5 * 7 + 7 + 7 * 2 + 2),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, nn.Module) else "",
)
def test_a_network_has_its_size_and_gives_an_output_for_each_class(
    network: nn.Module, shape: tuple[int, ...], outputs: int, parameters: int
) -> None:
    assert network.eval()(torch.rand(2, *shape)).shape == (2, outputs)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


def test_digits_do_not_depend_on_how_a_batch_is_shared() -> None:
    network, images = DigitsCNN().eval(), torch.rand(4, 1, 8, 8)
    assert torch.allclose(network(images)[:1], network(images[:1]), atol=1e-6)
    assert list(network.buffers()) == []  # as BatchNorm would have


def test_mnist_gives_log_probabilities() -> None:
    found = MnistCNN().eval()(torch.rand(3, 1, 28, 28))
    assert torch.allclose(found.exp().sum(dim=1), torch.ones(3))


def test_an_mlp_ends_without_a_relu() -> None:
    network = MLP([2, 4, 1])
    assert [type(layer).__name__ for layer in network] == ["Flatten", "Linear", "ReLU", "Linear"]


@pytest.mark.parametrize("widths", [[], [10]])
def test_an_mlp_without_a_layer_is_refused(widths: list[int]) -> None:
    with pytest.raises(ValueError, match="name no layer; give at least two"):
        MLP(widths)


def test_the_hidden_layer_of_the_two_layer_net_is_clamped_at_0() -> None:
    network = TwoLayerNet(1, 2, 1)
    with torch.no_grad():
        network.first.weight.copy_(torch.tensor([[1.0], [-1]]))
        network.second.weight.copy_(torch.tensor([[10.0, 100]]))
        network.first.bias.zero_()
        network.second.bias.zero_()
    assert network(torch.tensor([[2.0], [-2]])).tolist() == [[20], [200]]


def test_every_network_goes_by_a_name() -> None:
    convolutions = {DigitsCNN, MnistCNN, FashionCNN, CifarCNN, Cifar2CNN, ConvNet224, ResNet9}
    assert set(NETWORKS.values()) >= {nn.Linear, MLP, TwoLayerNet, *convolutions}
