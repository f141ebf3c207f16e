"""The learning rate: our own shapes, which depend on the share of the run that is done, and torch's classes."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import lr_scheduler

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.config.recipe import ScheduleConfig


def build_schedule(
    config: ScheduleConfig, optimizer: torch.optim.Optimizer, total_steps: int
) -> lr_scheduler.LRScheduler:
    """A scheduler to be moved on after every optimizer step, or epoch as `config.every` says."""
    if config.name in SHAPES:
        shape = build(Component(name=config.name, args=config.args), SHAPES, "schedule")
        if config.every != "step":
            raise UserError(
                f"schedule.every: {config.name} goes by steps; epoch is for torch.optim.lr_scheduler's classes"
            )
        try:
            return lr_scheduler.LambdaLR(optimizer, lambda step: factor(shape, step, config.warmup_steps, total_steps))
        except TypeError as error:
            # LambdaLR calls the shape at once, so arguments of a wrong type show here.
            raise UserError(f"schedule.args: {config.args} do not fit {config.name}: {error}") from error
    if config.name.endswith("ReduceLROnPlateau"):
        raise UserError("schedule.name: ReduceLROnPlateau waits for evaluations, not steps; use cosine or step")
    args = _for_each_group(config, optimizer)
    scheduler = build(Component(name=config.name, args=args), SHAPES | OF_TORCH, "schedule", optimizer)
    if config.warmup_steps:
        raise UserError(f"schedule.warmup_steps: goes with {', '.join(SHAPES)}, not with {config.name}")
    if not isinstance(scheduler, lr_scheduler.LRScheduler):
        raise UserError(f"schedule.name: {config.name} is not a torch.optim.lr_scheduler.LRScheduler")
    return scheduler


def _for_each_group(config: ScheduleConfig, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The arguments, where rates that all groups would share become each group's, in the ratio of its own rate."""
    groups, own = optimizer.param_groups, optimizer.defaults.get("lr")
    if len(groups) == 1 or not own or not config.name.endswith(("OneCycleLR", "CyclicLR")):
        return config.args
    shared = {
        name: config.args[name] for name in ("max_lr", "base_lr") if isinstance(config.args.get(name), int | float)
    }
    each = {name: [rate * group["lr"] / own for group in groups] for name, rate in shared.items()}
    return config.args | each


def factor(shape: "Shape", step: int, warmup_steps: int, total_steps: int) -> float:
    """What the base learning rate is multiplied by in optimizer step `step`, counted from 0."""
    if step < warmup_steps:
        # step + 1, because a first step with a rate of 0 would be wasted.
        return (step + 1) / warmup_steps
    return shape(min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps)))


Shape = Callable[[float], float]
"""From the share of the run that is done after the warm-up, 0..1, to a factor."""


def constant() -> Shape:
    """The learning rate stays as the optimizer has it."""
    return lambda _: 1.0


def cosine(end: float = 0.0) -> Shape:
    """Half a cosine from the optimizer's learning rate down to `end` of it (arXiv:1608.03983, without restarts).

    Args:
        end: What is left of the learning rate at the end of the run, as a factor.
    """
    return lambda done: end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done))


def linear(end: float = 0.0) -> Shape:
    """Straight from the optimizer's learning rate down to `end` of it.

    Args:
        end: What is left of the learning rate at the end of the run, as a factor.
    """
    return lambda done: 1 + (end - 1) * done


def step(milestones: list[float] = [1 / 3, 2 / 3], gamma: float = 0.1) -> Shape:  # noqa: B006  # never changed
    """The learning rate times `gamma` at each milestone.

    Args:
        milestones: Shares of the run, 0..1.
        gamma: The factor at each.
    """
    if not all(0 <= milestone <= 1 for milestone in milestones):
        raise UserError(f"schedule.args.milestones: {milestones} are not shares of the run, between 0 and 1")
    return lambda done: gamma ** sum(done >= milestone for milestone in milestones)


def triangular(peak: float = 0.25, start: float = 0.1, end: float = 0.0) -> Shape:
    """Straight up from `start` of the learning rate to all of it at `peak`, straight down to `end`.

    Args:
        peak: The share of the run, between 0 and 1, after which the learning rate is the optimizer's.
        start: The factor at the beginning.
        end: The factor at the end.
    """
    if not 0 < peak < 1:
        raise UserError(f"schedule.args.peak: {peak} is not between 0 and 1")

    def shape(done: float) -> float:
        if done < peak:
            return start + (1 - start) * done / peak
        return 1 + (end - 1) * (done - peak) / (1 - peak)

    return shape


SHAPES: dict[str, Callable[..., Shape]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "step": step,
    "triangular": triangular,
}
OF_TORCH: dict[str, Callable[..., lr_scheduler.LRScheduler]] = {
    name: value
    for name, value in vars(lr_scheduler).items()
    if inspect.isclass(value)
    and issubclass(value, lr_scheduler.LRScheduler)
    and value.__module__ == lr_scheduler.__name__
    # Their arguments are functions, which no recipe can hold.
    and name not in ("LRScheduler", "_LRScheduler", "LambdaLR", "MultiplicativeLR", "ReduceLROnPlateau")
}
