"""What a network makes of a padded batch, where padding has no part in it."""

import torch


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """[batch, length, numbers] to [batch, numbers]: the mean over what `mask`, bool [batch, length], says is a sample's
    own."""
    return values.masked_fill(~mask.unsqueeze(-1), 0).sum(dim=1) / mask.sum(dim=1, keepdim=True)
