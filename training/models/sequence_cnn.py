"""Convolutional networks for sequences of unequal length, of which a mask says what is a sample's own."""

import torch
from torch import nn

from torchferry.training.models.log_mel import LogMel


class SeriesCNN(nn.Module):
    """[batch, steps, channels], or [batch, steps] of one, and a mask, to [batch, classes].

    A layer widens what a step sees: by 4, 8, 16 steps and so on. Steps are normalised each by itself, so neither other
    samples of a batch nor padding reach an answer, in training either. At the end stand the mean and the largest over
    a sample's own steps.

    Args:
        classes: How many there are, one output for each; of regression the values.
        channels: Of a step.
        width: Channels inside.
        depth: Layers.
        dropout: Share of a layer's outputs that are left out in training.
    """

    def __init__(self, classes: int, channels: int = 1, width: int = 64, depth: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.enter = nn.Linear(channels, width)
        self.layers = nn.ModuleList(_Layer(width, 2**number, dropout) for number in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        steps = x.unsqueeze(-1) if x.dim() == 2 else x
        own = mask.unsqueeze(-1)
        steps = self.enter(steps) * own
        for layer in self.layers:
            steps = steps + layer(steps, own)
        steps = self.norm(steps)
        mean = (steps * own).sum(1) / own.sum(1)
        largest = steps.masked_fill(~own, float("-inf")).amax(1)
        return self.head(torch.cat((mean, largest), dim=1))


class LogMelCNN(nn.Module):
    """Sounds, float32 [batch, samples], and a mask, to [batch, classes]: log-mel features and a SeriesCNN over them.

    Args:
        classes: How many there are, one output for each; of regression the values.
        rate: Samples in a second, as the data set gives them.
        mels: Bands, as wide as the ear's.
        window: Seconds of a frame; a sound has to be as long.
        hop: Seconds from one frame to the next.
        width: Channels inside.
        depth: Layers.
        dropout: Share of a layer's outputs that are left out in training.
    """

    def __init__(
        self,
        classes: int,
        rate: int = 16_000,
        mels: int = 40,
        window: float = 0.025,
        hop: float = 0.01,
        width: int = 64,
        depth: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.features = LogMel(rate, mels, window, hop)
        self.network = SeriesCNN(classes, mels, width, depth, dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.network(*self.features(x, mask))


class _Layer(nn.Module):
    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        normed = self.norm(steps) * own  # as if nothing but the convolution's zeros stood behind a sample
        found = torch.relu(self.convolution(normed.transpose(1, 2).contiguous()))
        return self.dropout(found.transpose(1, 2).contiguous()) * own
