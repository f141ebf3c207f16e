"""Each head's mean by its weight, in one piece and in parts."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.training.tasks.test_heads import TASK
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.losses import build_loss

OUTPUTS = {"kind": torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]), "size": torch.tensor([[1.0], [3.0], [0.0]])}
TARGETS = {"kind": torch.tensor([0, 0, 1]), "size": torch.tensor([[1.0], [2.0], [2.0]])}


def made(**each: dict[str, Any]) -> torch.nn.Module:
    return build_loss(Component(name="heads", args={"each": each}) if each else None, TASK)


def value(loss: torch.nn.Module, *parts: slice) -> torch.Tensor:
    """As the trainer adds up ranks and accumulated batches."""
    assert isinstance(loss, DividedLoss)
    cut = [({n: v[part] for n, v in OUTPUTS.items()}, {n: v[part] for n, v in TARGETS.items()}) for part in parts]
    divisor = torch.stack([loss.divisor(targets) for _, targets in cut]).sum(dim=0)
    return torch.stack([loss(*TASK.for_loss(*both)) for both in cut]).sum(dim=0).div(divisor).sum()


def test_it_is_the_sum_of_the_heads_own_by_their_weights() -> None:
    wanted = functional.cross_entropy(OUTPUTS["kind"], TARGETS["kind"]) + 2 * functional.mse_loss(
        OUTPUTS["size"], TARGETS["size"]
    )
    torch.testing.assert_close(value(made(), slice(3)), wanted)


@pytest.mark.parametrize("each", [{}, {"kind": {"name": "cross_entropy", "args": {"weight": [1, 20]}}}])
def test_parts_add_up_to_the_whole(each: dict[str, Any]) -> None:
    loss = made(**each)
    torch.testing.assert_close(value(loss, slice(1), slice(1, 3)), value(loss, slice(3)))


def test_a_head_may_have_another_loss() -> None:
    wanted = functional.cross_entropy(OUTPUTS["kind"], TARGETS["kind"]) + 2 * functional.l1_loss(
        OUTPUTS["size"], TARGETS["size"]
    )
    torch.testing.assert_close(value(made(size={"name": "l1"}), slice(3)), wanted)


@pytest.mark.parametrize(
    ("each", "said"),
    [
        ({"sise": {"name": "l1"}}, "loss.args.each: there is no head 'sise'; did you mean size"),
        ({"size": "l1"}, "loss.args.each.size: l1 is not"),
        ({"size": {"name": "cross_entropy"}}, r"loss.args.each.size.name: cross_entropy does not fit regression"),
    ],
)
def test_what_no_head_has_is_refused(each: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        made(**each)
