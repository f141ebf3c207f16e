"""The groups into which a recipe divides a network's parameters, each with arguments of its own for the optimizer."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from torchferry.errors import UserError
from torchferry.training.config.recipe import OptimizerConfig
from torchferry.training.models.parameter_patterns import matching

WHOLE = ("foreach", "fused", "capturable", "differentiable")
"""Arguments that are not a group's to change."""


@dataclass(frozen=True)
class Group:
    name: str
    parameters: list[nn.Parameter]
    arguments: dict[str, Any]
    """What differs from the optimizer's own."""
    key: str
    """The recipe's, for messages."""


class Kind(NamedTuple):
    """What parameters of one group have in common. Groups are in the order of their kinds."""

    number: int
    """Of the recipe's group that matches, or -1."""
    above: int
    """How many parts of the network come after theirs, with a layer_decay."""
    spared: bool
    """Whether they have no weight decay."""


def parameter_groups(config: OptimizerConfig, network: nn.Module, defaults: Mapping[str, Any]) -> list[Group]:
    """Every parameter that is trained, in one group each; what no pattern matches comes first.

    `defaults` are the optimizer's own arguments. Raises UserError for a group that stays empty, and for arguments
    that the optimizer does not have.
    """
    _check(config, defaults)
    matched = _matched(config, network)
    layers, depths = _layers(network) if config.layer_decay is not None else ([], {})
    spared = _norms_and_biases(network) if config.no_decay_on_norms_and_biases else set()
    members: dict[Kind, list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            number = matched.get(parameter, -1)
            given = config.groups[number] if number >= 0 else {}
            above = len(layers) - 1 - depths[parameter] if layers else 0
            kind = Kind(number, above, parameter in spared and "weight_decay" not in given)
            members.setdefault(kind, []).append(parameter)
    return [_group(kind, members[kind], config, layers, defaults) for kind in sorted(members)]


def _group(
    kind: Kind, parameters: list[nn.Parameter], config: OptimizerConfig, layers: list[str], defaults: Mapping[str, Any]
) -> Group:
    given = config.groups[kind.number] if kind.number >= 0 else {}
    arguments = {name: value for name, value in given.items() if name != "match"}
    words = [", ".join(_patterns(given)) if given else "rest"] if config.groups else []
    if config.layer_decay is not None:
        rate = arguments.get("lr", defaults["lr"])
        # The optimizer refuses what is no number.
        arguments["lr"] = rate * config.layer_decay**kind.above if isinstance(rate, int | float) else rate
        words.append(layers[len(layers) - 1 - kind.above])
    if kind.spared:
        arguments["weight_decay"] = 0.0
        words.append("no_decay")
    key = f"optimizer.groups[{kind.number}]" if given else "optimizer"
    return Group(":".join(words) or "decay", parameters, arguments, key)


def _check(config: OptimizerConfig, defaults: Mapping[str, Any]) -> None:
    for number, given in enumerate(config.groups):
        _check_arguments(given, f"optimizer.groups[{number}]", config.name, defaults)
    if config.no_decay_on_norms_and_biases and "weight_decay" not in defaults:
        raise UserError(f"optimizer.no_decay_on_norms_and_biases: {config.name} has no weight_decay")
    if config.layer_decay is not None and "lr" not in defaults:
        raise UserError(f"optimizer.layer_decay: {config.name} has no lr")


def _patterns(group: Mapping[str, Any]) -> list[str]:
    match = group["match"]
    return [match] if isinstance(match, str) else list(match)


def _check_arguments(given: Mapping[str, Any], key: str, name: str, defaults: Mapping[str, Any]) -> None:
    for argument in given:
        if argument in WHOLE:
            raise UserError(f"{key}: {argument} is the whole optimizer's; give it in optimizer.args")
        if argument != "match" and argument not in defaults:
            known = [word for word in defaults if word not in WHOLE]
            nearest = difflib.get_close_matches(argument, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(known)}"
            raise UserError(f"{key}: {name} has no argument '{argument}'; {hint}")


def _matched(config: OptimizerConfig, network: nn.Module) -> dict[nn.Parameter, int]:
    """To each parameter that is trained the number of the first group that matches it."""
    found: dict[nn.Parameter, int] = {}
    for number, group in enumerate(config.groups):
        key, patterns = f"optimizer.groups[{number}].match", _patterns(group)
        trained = [each for each in matching(patterns, network, key) if each.requires_grad]
        if not trained:
            raise UserError(f"{key}: {', '.join(patterns)} matches frozen parameters alone")
        if all(each in found for each in trained):
            raise UserError(f"{key}: {', '.join(patterns)} matches only what groups before it have")
        for each in trained:
            found.setdefault(each, number)
    return found


def _layers(network: nn.Module) -> tuple[list[str], dict[nn.Parameter, int]]:
    """The names of the parts that `optimizer.layer_decay` tells apart, and each parameter's place among them."""
    parts = _parts(network)
    while len(parts) == 1 and not list(network.parameters(recurse=False)):
        network = parts[0][1]
        parts = _parts(network)
    if len(parts) < 2:
        raise UserError("optimizer.layer_decay: the network has no two parts at its top whose rates could differ")
    depths = dict.fromkeys(network.parameters(recurse=False), 0)  # such as a class token, which comes before all
    for depth, (_, part) in enumerate(parts):
        depths |= {parameter: depth for parameter in part.parameters() if parameter not in depths}
    return [name for name, _ in parts], depths


def _parts(network: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, part) for name, part in network.named_children() if list(part.parameters())]


def _norms_and_biases(network: nn.Module) -> set[nn.Parameter]:
    found = set()
    for module in network.modules():
        norm = isinstance(module, nn.LayerNorm | nn.RMSNorm)  # whose scale may have more dimensions
        for name, parameter in module.named_parameters(recurse=False):
            if norm or parameter.dim() < 2 or "bias" in name:
                found.add(parameter)
    return found
