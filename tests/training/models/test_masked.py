"""Padding has no part in what a network makes of a batch."""

import torch

from torchferry.training.models.masked import masked_mean


def test_the_mean_is_over_what_is_a_samples_own() -> None:
    values = torch.tensor([[[1.0, 2], [3, 4]], [[5, 6], [100, torch.nan]]])
    mask = torch.tensor([[True, True], [True, False]])
    assert masked_mean(values, mask).tolist() == [[2, 3], [5, 6]]
