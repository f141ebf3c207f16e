"""A residual network of nine layers for images of 32 x 32, small enough that one GPU trains it in a minute."""

import torch
from torch import nn


class ResNet9(nn.Sequential):
    """[batch, 3, 32, 32] to [batch, classes]: eight convolutions and a head (the shape of David Page's network,
    https://github.com/davidcpage/cifar10-fast).

    Args:
        classes: How many there are, one output for each.
        width: Channels of the first convolution; the last have eight times as many.
    """

    def __init__(self, classes: int = 10, width: int = 64) -> None:
        super().__init__(
            _convolution(3, width),
            _convolution(width, 2 * width, pool=2),
            _Residual(2 * width),
            _convolution(2 * width, 4 * width, pool=2),
            _convolution(4 * width, 8 * width, pool=2),
            _Residual(8 * width),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(8 * width, classes, bias=False),
            _Scaled(0.125),  # without it the first outputs of a high learning rate are far too sure
        )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images + self.branch(images)


class _Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.factor


def _convolution(inputs: int, outputs: int, pool: int | None = None) -> nn.Sequential:
    layers = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.MaxPool2d(pool)] if pool else []))
