"""The part of preprocessing that belongs to the model, so that no server can do it differently."""

from typing import Self

import torch
from torch import nn

from torchferry.training.data.source import ImageInput, Input, TableInput, TargetScale, TensorInput


class Normalized(nn.Module):
    """A network that takes what the source declares: (x - mean) / std, of images after scaling to 0..1.

    uint8 [batch, channels, height, width] for images, float64 or float32 [batch, columns] for tables, which are scaled
    in that datatype and then narrowed to float32; other tensors go to the network as they are.

    It gives what the network gives: float32 [batch, outputs]. With a `target_scale` it does so in training alone, and
    in evaluation gives float64 [batch, outputs] in the targets' own units.
    """

    mean: torch.Tensor
    std: torch.Tensor
    target_mean: torch.Tensor
    target_std: torch.Tensor

    def __init__(self, network: nn.Module, input: Input, target_scale: TargetScale | None = None) -> None:
        super().__init__()
        self.network = network
        self.stays_in_evaluation: tuple[str, ...] = ()
        """Modules of frozen layers, by name, since wrappers copy and replace modules."""
        self.normalizes = not isinstance(input, TensorInput)
        self.scale = 255.0 if isinstance(input, ImageInput) else 1.0
        self.datatype = torch.float64 if isinstance(input, TableInput) and input.datatype == "float64" else torch.float
        if not isinstance(input, TensorInput):
            shape = (-1, 1, 1) if isinstance(input, ImageInput) else (-1,)
            self._keep("mean", torch.tensor(input.mean, dtype=self.datatype).view(shape))
            self._keep("std", torch.tensor(input.std, dtype=self.datatype).view(shape))
        self.scales_targets = target_scale is not None
        if target_scale is not None:
            self._keep("target_mean", torch.tensor(target_scale.mean, dtype=torch.float64))
            self._keep("target_std", torch.tensor(target_scale.std, dtype=torch.float64))

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name in self.stays_in_evaluation:
            self.get_submodule(name).eval()
        return self

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.normalizes:
            inputs = ((inputs.to(self.datatype) / self.scale - self.mean) / self.std).float()
        given = self.network(inputs)
        return given if self.training or not self.scales_targets else self._scaled_back(given)

    def _scaled_back(self, given: torch.Tensor) -> torch.Tensor:
        """What is of another kind or shape stays so, and the trial step says what is wrong with it."""
        if not isinstance(given, torch.Tensor) or given.shape[1:] != self.target_std.shape:
            return given
        return given.double() * self.target_std + self.target_mean

    def _keep(self, name: str, values: torch.Tensor) -> None:
        """A buffer that is no weight: a model card holds its numbers."""
        self.register_buffer(name, values, persistent=False)
