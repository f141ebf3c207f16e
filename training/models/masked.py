"""Means over padded batches in which padding has no part."""

import torch


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """[batch, length, numbers] to [batch, numbers]: the mean over what `mask`, bool [batch, length], says is a sample's
    own."""
    return values.masked_fill(~mask.unsqueeze(-1), 0).sum(dim=1) / mask.sum(dim=1, keepdim=True)
