"""A loss whose mean is over something else than samples, such as the weights of their classes."""

from typing import Any, Protocol, runtime_checkable

import torch


@runtime_checkable
class DividedLoss(Protocol):
    """A loss of the user's may be one too: an `nn.Module` that gives the sum over its samples, and has this method. It
    may give several sums, with a divisor for each; the loss is then the sum of their quotients."""

    def divisor(self, targets: Any) -> torch.Tensor:
        """What the sum is divided by, one number for each, of the targets alone; 0 where no sample counts."""
