"""Losses by name, with one value at any number of ranks and accumulated batches.

A loss that is the mean over samples needs nothing: shares are equal, so the mean of their means is the mean. Where the
mean is over something else, such as the weights of the samples' classes, it is a `DividedLoss`: sums and divisors are
added up apart, over all ranks and accumulated batches, before one is divided by the other.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from torchferry.contract.tasks import name_of
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.tasks.fixed_proxies import FixedProxies
from torchferry.training.tasks.task import TrainingTask
from torchferry.training.tasks.task_aligned import TaskAlignedLoss
from torchferry.training.trainer.head_losses import HeadLosses

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "nll": nn.NLLLoss,
    "bce_with_logits": nn.BCEWithLogitsLoss,
    "mse": nn.MSELoss,
    "l1": nn.L1Loss,
    "huber": nn.HuberLoss,
    "proxies": FixedProxies,
    "heads": HeadLosses,
    "task_aligned": TaskAlignedLoss,
}
WEIGHTS = ("weight", "pos_weight")
"""Arguments of torch's losses that are tensors, which a recipe writes as a list."""


class MeanOverClassWeights(nn.Module):
    """torch's mean of cross entropy or nll with class weights or an ignored class, in two parts."""

    def __init__(self, loss: nn.CrossEntropyLoss | nn.NLLLoss) -> None:
        super().__init__()
        loss.reduction = "sum"
        self.loss = loss

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.loss(outputs, targets)

    def divisor(self, targets: torch.Tensor) -> torch.Tensor:
        if targets.is_floating_point():  # shares of classes, as mixing gives them: torch divides by the samples
            return torch.tensor(float(len(targets)), device=targets.device)
        counts = (targets != self.loss.ignore_index).float()
        if self.loss.weight is not None:
            counts = counts * self.loss.weight[targets.where(counts > 0, 0).long()]
        return counts.sum()


def build_loss(component: Component | None, task: TrainingTask, key: str = "loss") -> nn.Module:
    """The task's own where there is none. Raises UserError; `key` is where the recipe says it."""
    component = component or Component(name=task.default_loss)
    outputs = task.loss_width
    if component.name in LOSSES and component.name not in task.losses:
        raise UserError(f"{key}.name: {component.name} does not fit {name_of(type(task.task))}; its losses are "
                        f"{', '.join(task.losses)}, or one by import path")  # fmt: skip
    if component.name in task.losses:
        component = replace(component, args={**task.loss_args, **component.args})
    of_torch = component.name in LOSSES or component.name.startswith("torch.nn.")
    loss = build(_with_tensors(component, outputs, key) if of_torch else component, LOSSES, key)
    if not isinstance(loss, nn.Module):
        raise UserError(f"{key}.name: {component.name} gives a {type(loss).__name__}, not a torch.nn.Module")
    if isinstance(loss, HeadLosses):
        asked = loss.asked(task.halves).items()
        each = {head: build_loss(said, task.halves[head], f"loss.args.each.{head}") for head, said in asked}
        loss.take(each, task.task.weights)
    if learned := [name for name, weight in loss.named_parameters() if weight.requires_grad]:
        raise UserError(f"{key}: {learned[0]} would not be trained, because only the model is; make it a part of that")
    # Not a class derived from them, whose forward may be another.
    if (type(loss) is nn.CrossEntropyLoss or type(loss) is nn.NLLLoss) and loss.reduction == "mean":
        loss = MeanOverClassWeights(loss) if loss.weight is not None or loss.ignore_index >= 0 else loss
    return task.whole_loss(loss)


def _with_tensors(component: Component, outputs: int, key: str) -> Component:
    """Lists of weights, or the one of a single output, as the tensors that torch's losses take."""
    args: dict[str, Any] = dict(component.args)
    for name in WEIGHTS:
        if (values := args.get(name)) is not None:
            values = values if isinstance(values, list | tuple) else [values]
            args[name] = torch.tensor(_weights(f"{key}.args.{name}", values, outputs))
    return replace(component, args=args)


def _weights(key: str, values: list[Any] | tuple[Any, ...], outputs: int) -> list[float]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise UserError(f"{key}: {value!r} is not a weight; give numbers of 0 or more")
    if len(values) != outputs:
        raise UserError(f"{key}: has {len(values)} values; one for each of {outputs} outputs is expected")
    if not any(values):
        raise UserError(f"{key}: all weights are 0, so nothing would be learned")
    return [float(value) for value in values]
