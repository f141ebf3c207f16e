"""The loss of several heads, with one value at any number of ranks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import Component
from torchferry.training.trainer.divided_loss import DividedLoss


class HeadLosses(nn.Module):
    """The sum of the heads' losses, each multiplied by the head's weight.

    A `DividedLoss` with a sum and a divisor for each head: one may count samples, another boxes.

    Args:
        each: {name, args} of a loss by a head's name; a head that is not named has its task's own.
    """

    def __init__(self, each: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.each = each or {}
        self.heads: tuple[str, ...] = ()
        self.losses = nn.ModuleList()  # a dictionary of modules takes no name that a module has too, such as type
        self.weights: Mapping[str, float] = {}

    def asked(self, heads: Mapping[str, Any]) -> dict[str, Component | None]:
        """What is said of each head's loss. Raises UserError."""
        for head, said in self.each.items():
            if head not in heads:
                known = f"heads are {', '.join(heads)}"
                raise UserError(f"loss.args.each: there is no head '{head}'{did_you_mean(str(head), heads, known)}")
            if not isinstance(said, dict) or not isinstance(said.get("name"), str) or set(said) - {"name", "args"}:
                raise UserError(f"loss.args.each.{head}: {said} is not {{name: a loss, args: {{...}}}}")
        return {head: Component(**self.each[head]) if head in self.each else None for head in heads}

    def take(self, losses: Mapping[str, nn.Module], weights: Mapping[str, float]) -> None:
        """Those of the heads."""
        self.heads, self.losses, self.weights = tuple(losses), nn.ModuleList(losses.values()), weights

    def forward(self, outputs: Mapping[str, Any], targets: Mapping[str, Any]) -> torch.Tensor:
        """[heads]: each one's sum, by its weight."""
        sums = []
        for head, loss in zip(self.heads, self.losses, strict=True):
            value = loss(outputs[head], targets[head])
            divided = isinstance(loss, DividedLoss)
            sums.append(self.weights[head] * (value if divided else value * _samples(targets[head])))
        return torch.stack(sums)

    def divisor(self, targets: Mapping[str, Any]) -> torch.Tensor:
        """[heads]: what each sum is divided by."""
        return torch.stack([_divisor(loss, targets[head]) for head, loss in zip(self.heads, self.losses, strict=True)])


def _divisor(loss: nn.Module, targets: Any) -> torch.Tensor:
    if isinstance(loss, DividedLoss):
        return loss.divisor(targets).float()
    return torch.tensor(float(_samples(targets)), device=pytree.tree_leaves(targets)[0].device)


def _samples(targets: Any) -> int:
    return len(pytree.tree_leaves(targets)[0])
