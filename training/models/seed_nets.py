"""Networks that come with the recipes. Each takes normalised float32 and returns logits, but where it says so."""

import itertools

import torch
from torch import nn


class DigitsCNN(nn.Sequential):
    """[batch, 1, 8, 8] to [batch, classes]; no BatchNorm, so nothing depends on how a batch is shared.

    Args:
        classes: How many there are, one output for each.
        width: Channels of the first convolution; the others have twice as many.
        dropout: Share of values that dropout leaves out, 0..1.
    """

    def __init__(self, classes: int = 10, width: int = 32, dropout: float = 0.3) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(2 * width * 4 * 4, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, classes),
        )


class MLP(nn.Sequential):
    """[batch, ...], flattened to widths[0], through ReLU layers to [batch, widths[-1]].

    Args:
        widths: Numbers of values: first of a sample, then of each hidden layer, last of the outputs.
    """

    def __init__(self, widths: list[int]) -> None:
        if len(widths) < 2:
            raise ValueError(f"widths {widths} name no layer; give at least two")
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers[:-1])


class MnistCNN(nn.Sequential):
    """[batch, 1, 28, 28] to log probabilities [batch, classes]; trained with the nll loss.

    Args:
        classes: How many there are, one output for each.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, 10, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(10, 20, 5),
            nn.Dropout2d(),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(320, 50),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(50, classes),
            nn.LogSoftmax(dim=1),
        )


class FashionCNN(nn.Sequential):
    """[batch, 1, 28, 28] to [batch, classes]: convolutions of 32 and 64, each pooled, then 128.

    Args:
        classes: How many there are, one output for each.
        dropout: Share of values that dropout leaves out before and behind the hidden layer, 0..1.
    """

    def __init__(self, classes: int = 10, dropout: float = 0.3) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(64 * 7 * 7, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, classes),
        )


class CifarCNN(nn.Sequential):
    """[batch, 3, 32, 32] to [batch, classes]: three 3 x 3 convolutions, two poolings, 128 x 8 x 8 to the head.

    Args:
        classes: How many there are, one output for each.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(128 * 8 * 8, classes),
        )


class Cifar2CNN(nn.Sequential):
    """[batch, 3, 32, 32] to [batch, classes]: convolutions of 64 and 128, each pooled, then 256.

    Args:
        classes: How many there are, one output for each.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(3, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128 * 8 * 8, 256),
            nn.ReLU(),
            nn.Linear(256, classes),
        )


class ConvNet224(nn.Sequential):
    """[batch, 3, 224, 224] to [batch, classes]: one convolution of 64, pooled to 7 x 7 so that the head stays small.

    Args:
        classes: How many there are, one output for each.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(3, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(7),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, classes),
        )


class TwoLayerNet(nn.Module):
    """[batch, inputs] to [batch, outputs], the hidden layer clamped at 0.

    Args:
        inputs: Numbers in a sample.
        hidden: Values of the hidden layer.
        outputs: Numbers that are predicted, or classes.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(inputs).clamp(min=0))


class SceneCNN(nn.Sequential):
    """[batch, channels, height, width] to [batch, classes]: what is seen anywhere in the picture.

    Args:
        classes: How many there are, one output for each.
        channels: Of the picture: 1 for grey, 3 for RGB.
        width: Channels of the first convolution; the last have eight times as many.
    """

    def __init__(self, classes: int = 10, channels: int = 1, width: int = 16) -> None:
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((channels, width, 2 * width, 4 * width, 8 * width)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)] if after < 8 * width else []
        super().__init__(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8 * width, classes))
