"""A loss that is no number is told with its step, also by a dry run."""

import pytest
import torch
from torch import nn

from tests.training import tiny
from torchferry.training.errors import NotFinite
from torchferry.training.trainer.run import _try_one_step


class Undefined(nn.Module):
    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return outputs.sum() * torch.nan


def test_it_says_what_may_help() -> None:
    assert str(NotFinite.of_loss(float("inf"), 3)).startswith("the training loss is inf at step 3; a smaller optimizer")


@pytest.mark.usefixtures("alone")
def test_a_dry_run_ends_with_it() -> None:
    parts = tiny.build()
    parts.loss = Undefined()
    with pytest.raises(NotFinite, match=r"^the training loss is nan at step 1; "):
        _try_one_step(parts)
