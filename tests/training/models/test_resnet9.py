"""The small residual network: its size, its outputs, and that each residual adds to what it was given."""

import torch

from torchferry.training.models.resnet9 import ResNet9


def test_it_has_its_size_and_gives_an_output_for_each_class() -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in ResNet9().parameters()) == 6_573_120
    assert ResNet9(classes=3, width=4)(torch.rand(2, 3, 32, 32)).shape == (2, 3)


def test_a_residual_whose_branch_gives_nothing_hands_on_what_it_was_given() -> None:
    residual, images = ResNet9(width=2)[2].eval(), torch.rand(2, 4, 16, 16)
    assert not torch.equal(residual(images), images)
    for weight in residual.parameters():
        torch.nn.init.zeros_(weight)
    assert torch.equal(residual(images), images)


def test_the_outputs_are_an_eighth_of_what_the_last_layer_gives() -> None:
    network, images = ResNet9(width=2).eval(), torch.rand(2, 3, 32, 32)
    without = torch.nn.Sequential(*list(network)[:-1])
    assert torch.equal(network(images), without(images) / 8)
