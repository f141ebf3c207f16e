"""The optimizer by name, and the learning rate as a pure function of the step."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from training.component import Component, build
from training.config import ScheduleConfig

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    name: getattr(torch.optim, name) for name in ("SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad")
}
LOSSES: dict[str, Callable[..., nn.Module]] = {"cross_entropy": nn.CrossEntropyLoss}


def build_optimizer(component: Component, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    return build(component, OPTIMIZERS, "optimizer", list(parameters))


def learning_rate_factor(schedule: ScheduleConfig, step: int, total_steps: int) -> float:
    """What the base learning rate is multiplied by in optimizer step `step`, counted from 0."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    if schedule.name == "constant":
        return 1.0
    progress = (step - schedule.warmup_steps) / max(1, total_steps - schedule.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * progress))
