"""A step with gradients that are not finite is left out, counted, and leaves no trace in the network."""

import math

import pytest
import torch
from torch import nn

from torchferry.training.trainer.nonfinite_guard import NonFiniteGuard

CPU = torch.device("cpu")


def guard(network: nn.Module | None = None) -> NonFiniteGuard:
    network = network or nn.Linear(2, 2)
    weights = nn.Parameter(torch.zeros(1))
    return NonFiniteGuard(network, torch.optim.SGD([weights]), CPU)


def norms(*values: float) -> list[torch.Tensor]:
    return list(map(torch.tensor, values))


def test_steps_left_out_are_counted_in_all_and_in_their_longest_row() -> None:
    counting = guard()
    allowed, counts = [], []
    for norm in norms(1.0, math.inf, math.nan, 0.0, math.inf):
        allowed.append(counting.allows(norm))
        counts.append(counting.skipped.tolist())
    assert allowed == [True, False, False, True, False]
    assert counts == [[0, 0, 0], [1, 1, 1], [2, 2, 2], [2, 0, 2], [3, 1, 2]]


@pytest.mark.parametrize(("norm", "mean"), [(1.0, 0.5), (math.nan, 0.0)])
def test_what_the_forward_pass_changed_stays_only_with_the_step(norm: float, mean: float) -> None:
    network = nn.BatchNorm1d(1, momentum=0.5)
    watching = guard(network)
    watching.step_begins()
    network(torch.tensor([[0.0], [2.0]]))
    watching.allows(torch.tensor(norm))
    assert network.running_mean == torch.tensor([mean])
    assert network.num_batches_tracked == (norm == 1.0)


def test_an_optimizer_that_can_leave_a_step_out_on_the_device_is_called_and_told() -> None:
    device = torch.device("meta")  # has no values, so that asking for one would raise
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], fused=True)
    on_device = NonFiniteGuard(nn.Linear(2, 2, device=device), optimizer, device)
    assert on_device.allows(torch.ones((), device=device)) is True
    assert optimizer.found_inf.device == device  # type: ignore[attr-defined]  # what GradScaler sets


def test_on_the_cpu_the_host_decides() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], fused=True)
    assert NonFiniteGuard(nn.Linear(2, 2), optimizer, CPU).allows(torch.tensor(math.inf)) is False
