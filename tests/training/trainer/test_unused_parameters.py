"""A parameter without a gradient is named right after the backward pass that other ranks would wait in."""

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchferry.training.errors import RankError
from torchferry.training.trainer.unused_parameters import check_all_took_part

pytestmark = pytest.mark.usefixtures("alone")
YES, NO = torch.ones(2, 3), -torch.ones(2, 3)


class Branching(nn.Module):
    """As people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        if x[0, 0] > 0:
            y = y + self.b(x)
        return y


def parallel(*, find: bool = False) -> DistributedDataParallel:
    network = nn.ModuleDict({"network": Branching()})
    network.forward = network["network"].forward  # as behind Normalized
    return DistributedDataParallel(network, gradient_as_bucket_view=True, find_unused_parameters=find)


def backward(model: DistributedDataParallel, inputs: torch.Tensor) -> torch.Tensor:
    loss = model(inputs).sum() / 2
    loss.backward()
    return loss


def test_a_branch_that_the_data_did_not_take_is_named() -> None:
    model = parallel()
    check_all_took_part(model, backward(model, YES))
    with pytest.raises(RankError, match=r"^model: b\.weight, b\.bias took no part in a step, so the other ranks"):
        check_all_took_part(model, backward(model, NO))


def test_so_it_is_where_batches_before_took_it() -> None:
    model = parallel()
    with model.no_sync():
        backward(model, YES)
    with pytest.raises(RankError, match=r"b\.weight, b\.bias took no part .* distributed.find_unused_parameters"):
        check_all_took_part(model, backward(model, NO))


def test_batches_before_the_last_may_leave_it_out() -> None:
    model = parallel()
    with model.no_sync():
        backward(model, NO)
    check_all_took_part(model, backward(model, YES))


def test_where_ddp_looks_for_them_nothing_is_refused() -> None:
    model = parallel(find=True)
    check_all_took_part(model, backward(model, NO))
