"""The part of preprocessing that belongs to the model, so that no server can do it differently."""

import math
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import nn

from torchferry.training.data.source import (
    ImageInput,
    Input,
    SeriesInput,
    TableInput,
    TargetScale,
    TargetScales,
    pad_of,
)


class Normalized(nn.Module):
    """A network that takes what the source declares: (x - mean) / std, of images after scaling to 0..1.

    uint8 [batch, channels, height, width] for images, float64 or float32 [batch, columns] for tables, which are scaled
    in that datatype and then narrowed to float32; float32 [batch, steps, channels] for series, scaled by channel; other
    tensors go to the network as they are.

    Where samples have lengths of their own, the network takes (x, mask): bool [batch, length] says what is a sample's
    own, and behind it x is 0.

    It gives what the network gives: float32 [batch, outputs]. With a `target_scale` it does so in training alone, and
    in evaluation gives float64 [batch, outputs] in the targets' own units; of several heads those that have one.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, input: Input, target_scale: TargetScales | None = None) -> None:
        super().__init__()
        self.network = network
        self.stays_in_evaluation: tuple[str, ...] = ()
        """Modules of frozen layers, by name, since wrappers copy and replace modules."""
        self.normalizes = isinstance(input, ImageInput | TableInput | SeriesInput)
        self.pad = pad_of(input)
        self.scale = 255.0 if isinstance(input, ImageInput) else 1.0
        self.datatype = torch.float64 if isinstance(input, TableInput) and input.datatype == "float64" else torch.float
        if isinstance(input, ImageInput | TableInput | SeriesInput):
            shape = (-1, 1, 1) if isinstance(input, ImageInput) else (-1,)
            self._keep("mean", torch.tensor(input.mean, dtype=self.datatype).view(shape))
            self._keep("std", torch.tensor(input.std, dtype=self.datatype).view(shape))
        scales = target_scale if isinstance(target_scale, Mapping) else {None: target_scale} if target_scale else {}
        self.scaled_heads = tuple(scales)
        """None for a network that gives one tensor."""
        self.scales = nn.ModuleList(map(ScaledBack, scales.values()))

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name in self.stays_in_evaluation:
            self.get_submodule(name).eval()
        return self

    def forward(self, inputs: torch.Tensor) -> Any:
        values = inputs
        if self.normalizes:
            values = ((inputs.to(self.datatype) / self.scale - self.mean) / self.std).float()
        if self.pad is None:
            given = self.network(values)
        else:
            mask = own(inputs, self.pad)
            outside = ~mask if values.dim() == 2 else ~mask.unsqueeze(-1)
            given = self.network(values.masked_fill(outside, 0), mask)
        return given if self.training else self._scaled_back(given)

    def _scaled_back(self, given: Any) -> Any:
        for head, scale in zip(self.scaled_heads, self.scales, strict=True):
            if head is None:
                given = scale(given)
            elif isinstance(given, dict) and head in given:
                given = given | {head: scale(given[head])}
        return given

    def _keep(self, name: str, values: torch.Tensor) -> None:
        """A buffer that is no weight: a model card holds its numbers."""
        self.register_buffer(name, values, persistent=False)


def own(inputs: torch.Tensor, pad: float) -> torch.Tensor:
    """bool [batch, length]: what is a sample's own, and not the `pad` behind it."""
    if not math.isnan(pad):
        return inputs != pad
    missing = inputs.isnan()
    return ~(missing if missing.dim() == 2 else missing.any(dim=-1))


class ScaledBack(nn.Module):
    """Values in their targets' own units again, float64."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, scale: TargetScale) -> None:
        super().__init__()
        for name in ("mean", "std"):  # no weights: a model card holds the numbers
            self.register_buffer(name, torch.tensor(getattr(scale, name), dtype=torch.float64), persistent=False)

    def forward(self, given: Any) -> Any:
        """What is of another kind or shape stays so, and the trial step says what is wrong with it."""
        if not isinstance(given, torch.Tensor) or given.shape[1:] != self.std.shape:
            return given
        return given.double() * self.std + self.mean
