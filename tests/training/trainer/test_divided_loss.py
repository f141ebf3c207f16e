"""What counts as a loss with a divisor."""

import torch
from torch import nn

from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.losses import MeanOverClassWeights


def test_a_loss_is_one_by_its_method() -> None:
    weighed = MeanOverClassWeights(nn.CrossEntropyLoss(weight=torch.ones(2)))
    assert isinstance(weighed, DividedLoss)
    assert not isinstance(nn.CrossEntropyLoss(), DividedLoss)
