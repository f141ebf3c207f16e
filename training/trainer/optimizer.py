"""Optimizers by name, over all that is trained alike or in groups."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.config.recipe import OptimizerConfig
from torchferry.training.trainer.parameter_groups import parameter_groups

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    name: value
    for name, value in vars(torch.optim).items()
    if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
}


def build_optimizer(config: OptimizerConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Over the parameters of `network` that are not frozen. With groups, each has its `name` among its arguments.

    Raises UserError for whatever does not fit.
    """
    if config.name == "LBFGS":
        raise UserError("optimizer.name: LBFGS evaluates the loss several times in a step, which no batch here allows")
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not trained:
        raise UserError("model: has no parameter to train")
    optimizer = _made(config, config.args, trained, "optimizer")
    if not config.divides:
        return optimizer
    groups = parameter_groups(config, network, optimizer.defaults)
    for group in groups:
        # For its checks: torch looks at the arguments of all, but not at a group's.
        _made(config, config.args | group.arguments, group.parameters, group.key)
    given = [{"params": group.parameters, "name": group.name, **group.arguments} for group in groups]
    return _made(config, config.args, given, "optimizer")


def _made(config: OptimizerConfig, args: dict[str, Any], over: Iterable[Any], key: str) -> torch.optim.Optimizer:
    optimizer = build(Component(name=config.name, args=args), OPTIMIZERS, key, over)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UserError(f"optimizer.name: {config.name} gives a {type(optimizer).__name__}, no Optimizer")
    return optimizer
