"""Layers that stay as they are while others are trained."""

from collections.abc import Sequence

from torch import nn

from torchferry.errors import UserError
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.parameter_patterns import matching


def freeze(model: Normalized, patterns: Sequence[str]) -> None:
    """Take the parameters of the network that match out of training, and keep BatchNorm's statistics beside them.

    What keeps running statistics (BatchNorm, and InstanceNorm that does) stays in evaluation mode, whatever mode the
    network is in, where all its own parameters are frozen; one without parameters goes by the layer around it. Dropout
    goes on. Raises UserError for a pattern that matches nothing, and where nothing is left to train.
    """
    for parameter in matching(patterns, model.network, "freeze"):
        parameter.requires_grad = False
    if patterns and not any(parameter.requires_grad for parameter in model.network.parameters()):
        raise UserError(f"freeze: {', '.join(patterns)} leave no parameter to train")
    if patterns:
        model.stays_in_evaluation = tuple(name for name, module in model.named_modules() if _rests(model, name, module))
        model.train(model.training)


def _rests(model: Normalized, name: str, module: nn.Module) -> bool:
    if getattr(module, "running_mean", None) is None:
        return False
    while not (parameters := list(model.get_submodule(name).parameters())):
        name = name.rpartition(".")[0]
    return not any(parameter.requires_grad for parameter in parameters)
