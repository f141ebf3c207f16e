"""The part of preprocessing that belongs to the model, so that no server can do it differently."""

from collections.abc import Sequence

import torch
from torch import nn


class Normalized(nn.Module):
    """A network that takes uint8 [batch, channels, height, width]: scaled to 0..1, then (x - mean) / std."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network((image.float() / 255 - self.mean) / self.std)
