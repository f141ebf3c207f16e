"""Optimizers by name."""

import inspect
from collections.abc import Callable, Iterable

import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    name: value
    for name, value in vars(torch.optim).items()
    if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
}


def build_optimizer(component: Component, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    if component.name == "LBFGS":
        raise UserError("optimizer.name: LBFGS evaluates the loss several times in a step, which no batch here allows")
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise UserError("model: has no parameter to train")
    optimizer = build(component, OPTIMIZERS, "optimizer", trained)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UserError(f"optimizer.name: {component.name} gives a {type(optimizer).__name__}, no Optimizer")
    return optimizer
