"""The loss of a network that answers twice in training: the second answer, of a head that helps it to learn, counts
less, and is dropped where the network is judged."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

OUT, AUX = "out", "aux"
"""The keys of torchvision's networks."""
WEIGHT = 0.5
"""As torchvision trains its own."""


class WithAuxiliary(nn.Module):
    """Of a tensor the loss itself; of a dict that of `out` and half of that of `aux`."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Any, targets: Any) -> torch.Tensor:
        if not isinstance(outputs, Mapping):
            return self.loss(outputs, targets)
        return self.loss(outputs[OUT], targets) + WEIGHT * self.loss(outputs[AUX], targets)


class DividedWithAuxiliary(WithAuxiliary):
    """The same of a loss that is a sum and has a `divisor`, which is of the targets alone; see trainer.divided_loss."""

    loss: Any

    def divisor(self, targets: Any) -> torch.Tensor:
        return self.loss.divisor(targets)


def with_auxiliary(loss: nn.Module) -> nn.Module:
    return DividedWithAuxiliary(loss) if hasattr(loss, "divisor") else WithAuxiliary(loss)
