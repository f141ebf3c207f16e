"""Losses go by short names and are means over the samples."""

import pytest
import torch

from torchferry.training.trainer.optim import LOSSES


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_mean_over_the_samples(name: str) -> None:
    outputs = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]])
    targets = torch.tensor([0, 1]) if name in ("cross_entropy", "nll") else torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    each = [LOSSES[name]()(outputs[i : i + 1], targets[i : i + 1]) for i in range(2)]
    assert LOSSES[name]()(outputs, targets) == pytest.approx(sum(each) / 2)
