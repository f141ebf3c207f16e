"""The arguments of a network's forward, also of one that torch.jit has made, or that stands inside another."""

import inspect
from inspect import Parameter

import torch
from torch import nn

UNKNOWN = inspect.Signature([Parameter("inputs", Parameter.VAR_POSITIONAL)])
"""Where a forward has no names that can be found, it is given its inputs by position."""


class Wrapped(nn.Module):
    """A network whose answers are changed, and which takes what it takes itself."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


def forward_signature(network: nn.Module) -> inspect.Signature:
    """Without `self`."""
    if isinstance(network, Wrapped):
        return forward_signature(network.network)
    if isinstance(network, torch.jit.ScriptModule):
        return _scripted(network)
    try:
        return inspect.signature(network.forward)
    except (TypeError, ValueError):  # one written in C, or a callable that lies about itself
        return UNKNOWN


def _scripted(network: torch.jit.ScriptModule) -> inspect.Signature:
    """From TorchScript's own schema, whose first argument is the module."""
    schema = network.forward.schema  # type: ignore[attr-defined]  # forward is a method of TorchScript's
    return inspect.Signature(
        [
            Parameter(
                argument.name,
                Parameter.KEYWORD_ONLY if argument.kwarg_only else Parameter.POSITIONAL_OR_KEYWORD,
                default=argument.default_value if argument.has_default_value() else Parameter.empty,
            )
            for argument in schema.arguments[1:]
        ]
    )
