"""Numbers that a run would save have to be finite, but for those that were never meant to be."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import OptimizerConfig, StepConfig
from torchferry.training.errors import NotFinite
from torchferry.training.trainer.finite_numbers import FiniteNumbers, not_finite
from torchferry.training.trainer.train_state import collect
from torchferry.training.trainer.train_step import Step
from torchferry.training.trainer.wrap_ddp import assemble

pytestmark = pytest.mark.usefixtures("alone")
SUMS = torch.full((2,), math.nan)


class Masked(nn.Module):
    """Has a mask as attention has, and statistics as BatchNorm has."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        nn.init.constant_(self.linear.bias, weight)
        self.register_buffer("mask", torch.full((3, 3), -math.inf).triu(1))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(inputs)


def stepped(tmp_path: Path, weight: float = 1.0) -> Step:
    """A step that was taken once, with momentum and a moving average."""
    step = assemble(
        tiny.build(
            runs_dir=tmp_path,
            model=Component(name=f"{__name__}.Masked", args={"weight": weight}),
            optimizer=OptimizerConfig(name="Adam", args={"lr": 0.1}),
            step=StepConfig(ema_decay=0.9),
        )
    )
    step(tiny.build().feed.epoch(0, 0), 0, measure=False)
    return step


def test_a_mask_is_meant_to_be_so_and_so_are_losses_of_steps_left_out(tmp_path: Path) -> None:
    step = stepped(tmp_path)
    FiniteNumbers(step, tiny.ALONE, 0).check(collect(step, tiny.ALONE, SUMS), 1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    "name",
    [
        "model.network.linear.weight",
        "model.network.mean",
        "optimizer.state.network.linear.bias.exp_avg_sq",
        "ema.module.network.linear.bias",
    ],
)
def test_each_part_is_looked_through(name: str, value: float, tmp_path: Path) -> None:
    step = stepped(tmp_path)
    numbers, state = FiniteNumbers(step, tiny.ALONE, 0), collect(step, tiny.ALONE, SUMS)
    part, rest = name.split(".", 1)
    if part == "optimizer":
        state[part]["state"]["network.linear.bias"]["exp_avg_sq"][0] = value
    else:
        state[part][rest].view(-1)[-1] = value
    with pytest.raises(NotFinite, match=f"^{name} is not finite after step 7, so nothing was saved there; a smaller"):
        numbers.check(state, 7)


@pytest.mark.parametrize(
    ("stands_at", "words"),
    [(0, "^model: model.network.linear.bias is not finite before"), (9, "^the checkpoint of step 9 is not finite in")],
)
def test_a_run_does_not_begin_with_such_weights(stands_at: int, words: str, tmp_path: Path) -> None:
    step = stepped(tmp_path)
    with torch.no_grad():
        step.model.module.network.linear.bias[1] = math.nan
    with pytest.raises(UserError, match=words):
        FiniteNumbers(step, tiny.ALONE, stands_at)


def test_they_are_named_in_their_order() -> None:
    state = {"b": torch.tensor([math.nan]), "whole": torch.tensor([2**40]), "a": {"x": torch.tensor([1, math.inf])}}
    assert not_finite(state) == ["b", "a.x"]
    assert not not_finite({"large": torch.tensor([3e38, 3e38])})
