"""One network for several heads: a body that they share, and a linear layer for each."""

from typing import Any

import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build


class Branches(nn.Module):
    """[batch, ...] to a dictionary with [batch, numbers] for each head.

    Args:
        body: {name, args} of a network that gives a vector for each sample, as its last layer's outputs; ReLU follows.
        heads: How many numbers each head gives, by its name.
    """

    def __init__(self, body: dict[str, Any], heads: dict[str, int]) -> None:
        super().__init__()
        from torchferry.training.models import NETWORKS  # which has this one too

        if not isinstance(body.get("name"), str) or set(body) - {"name", "args"}:
            raise UserError(f"model.args.body: {body} is not {{name: a network, args: {{...}}}}")
        self.body = build(Component(**body), NETWORKS, "model.args.body")
        self.names = tuple(heads)
        # A list, because a dictionary of modules takes no name that a module has too, such as type.
        self.heads = nn.ModuleList(nn.LazyLinear(numbers) for numbers in heads.values())

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.body(inputs).relu()
        return {name: head(features) for name, head in zip(self.names, self.heads, strict=True)}
