"""The part of preprocessing that belongs to the model, so that no server can do it differently."""

from typing import Self

import torch
from torch import nn

from torchferry.training.data.source import ImageInput, Input, TensorInput


class Normalized(nn.Module):
    """A network that takes what the source declares: (x - mean) / std, of images after scaling to 0..1.

    uint8 [batch, channels, height, width] for images, float32 [batch, columns] for tables; other tensors
    go to the network as they are.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, input: Input) -> None:
        super().__init__()
        self.network = network
        self.stays_in_evaluation: tuple[str, ...] = ()
        """Modules of frozen layers, by name, since wrappers copy and replace modules."""
        self.normalizes = not isinstance(input, TensorInput)
        self.scale = 255.0 if isinstance(input, ImageInput) else 1.0
        if not isinstance(input, TensorInput):
            shape = (-1, 1, 1) if isinstance(input, ImageInput) else (-1,)
            self.register_buffer("mean", torch.tensor(input.mean).view(shape), persistent=False)
            self.register_buffer("std", torch.tensor(input.std).view(shape), persistent=False)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name in self.stays_in_evaluation:
            self.get_submodule(name).eval()
        return self

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.normalizes:
            inputs = (inputs.float() / self.scale - self.mean) / self.std
        return self.network(inputs)
