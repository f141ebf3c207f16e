"""The U-Net: sizes, and pictures that it cannot halve."""

import pytest
import torch

from torchferry.training.models.unet import UNet


@pytest.mark.parametrize("size", [(16, 16), (24, 40)])
def test_it_gives_each_class_a_number_for_each_pixel(size: tuple[int, int]) -> None:
    assert UNet(5, channels=1, width=4, levels=3)(torch.rand(2, 1, *size)).shape == (2, 5, *size)


def test_every_weight_takes_part() -> None:
    network = UNet(3, channels=3, width=2, levels=2)
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_sides_are_multiples() -> None:
    with pytest.raises(ValueError, match="sides are multiples of 8"):
        UNet(3, levels=3)(torch.rand(1, 3, 20, 24))
