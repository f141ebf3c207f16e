"""Weights to start from: a file, or torchvision's by name, put into the network that they fit."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from torchferry.errors import UserError, some
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models.state_dicts import AVERAGE, state_dicts
from torchferry.training.models.torchvision_weights import torchvision_weights
from torchferry.training.models.weight_names import Names, Reading, names_of, prefixes_that_fit, read_names
from torchferry.training.models.weight_values import check_ties, converted, fitted
from torchferry.training.models.weights_file import read

SHOWN = 3
NAME = re.compile(r"(?:torchvision\.models\.)?(?:\w+\.)*\w*_(?:Quantized)?Weights\.\w+|\w*")
"""What may be torchvision's, where no file has it."""

StateDict = Mapping[str, torch.Tensor]


def load_weights(network: nn.Module, config: WeightsConfig) -> str:
    """Put them into `network`, but for the parameters whose names begin as `config.skip` says.

    Returns one line that says what was assumed of the file: which of its state_dicts was taken, what was done to names
    and types, and what was left out; nothing if it is the network's as it stands. BatchNorm's counters may be missing,
    as in torch's own files, and all but one of the names that share a tensor. Raises UserError for a file that cannot
    be read, for weights of another architecture, and for some that are not finite; nothing has changed then.
    """
    names, own, source = names_of(network, config.skip), network.state_dict(), config.source
    _check_skip(config, names)
    held = state_dicts(_content(source), source)
    key, saved, reading = _choose(held, names, own, config)
    given = {name: saved[file] for name, file in reading.files.items()}
    values = {name: fitted(name, value, own[name], source) for name, value in given.items()}
    check_ties(values, names.ties, source)
    network.load_state_dict(values, strict=False)
    said = [*_choice(key, held), *reading.how, *converted(given, own)]
    left_out = [*_outside(held[key], config), *reading.left_out]
    if left_out:
        said.append(f"left out {some(list(left_out), SHOWN)}")
    return f"weights from {source}: {'; '.join(said)}" if said else ""


def _check_skip(config: WeightsConfig, names: Names) -> None:
    if config.skip and len(names.wanted) == len(names.own):
        raise UserError(
            f"weights.skip: no parameter begins with {' or '.join(config.skip)}; {some(list(names.own), SHOWN)}"
        )
    if not names.wanted:
        raise UserError("weights.skip: leaves nothing to be taken from the file; leave weights out instead")


def _content(source: str) -> object:
    path = Path(source)
    return torchvision_weights(source) if not (source and path.exists()) and NAME.fullmatch(source) else read(path)


def _choose(
    held: Mapping[str, StateDict], names: Names, own: StateDict, config: WeightsConfig
) -> tuple[str, StateDict, Reading]:
    """The state_dict that `config.key` names, or else the only one that fits and is no moving average."""
    keys = list(held) if config.key is None else [_given_key(config.key, held, config.source)]
    parts = {key: _part(held[key], config) for key in keys}
    readings = {key: read_names(parts[key], names) for key in keys}
    fitting = [key for key in keys if readings[key].fits and _same_shapes(readings[key], parts[key], own)]
    likely = [key for key in fitting if not AVERAGE.search(key)] or fitting
    if len(likely) > 1:
        raise UserError(f"weights.key: {config.source} holds {' and '.join(likely)}, which all fit; name one of them")
    key = likely[0] if likely else max(keys, key=lambda key: (len(readings[key].files), not AVERAGE.search(key)))
    _check_names(readings[key], parts[key], names, config.source)
    return key, parts[key], readings[key]


def _given_key(key: str, held: Mapping[str, StateDict], source: str) -> str:
    if key in held:
        return key
    if "" in held:
        raise UserError(f"weights.key: {source} is a state_dict itself, without keys; leave it out")
    nearest = difflib.get_close_matches(key, held, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"it has one at {some(list(held), SHOWN)}"
    raise UserError(f"weights.key: {source} has no state_dict at {key}; {hint}")


def _part(saved: StateDict, config: WeightsConfig) -> StateDict:
    """What begins with `config.prefix`, without it."""
    if config.prefix is None:
        return saved
    begins = config.prefix
    return {name.removeprefix(begins).lstrip("."): value for name, value in saved.items() if name.startswith(begins)}


def _outside(saved: StateDict, config: WeightsConfig) -> list[str]:
    return [name for name in saved if config.prefix is not None and not name.startswith(config.prefix)]


def _same_shapes(reading: Reading, saved: StateDict, own: StateDict) -> bool:
    return all(saved[file].shape == own[name].shape for name, file in reading.files.items())


def _check_names(reading: Reading, saved: StateDict, names: Names, source: str) -> None:
    if not saved:
        raise UserError(f"weights.prefix: nothing in {source} begins so; leave it out")
    if prefixes := [] if reading.fits else prefixes_that_fit(saved, names):
        raise UserError(
            f"weights.prefix: {source} holds more than this model, which it has after {' and '.join(prefixes)}; "
            "give one to take that alone"
        )
    if reading.missing:
        raise UserError(
            f"weights.source: {source} is for another model: it has no {some(list(reading.missing), SHOWN)}"
        )
    if reading.extra:
        raise UserError(
            f"weights.source: {source} is for another model, which has {some(list(reading.extra), SHOWN)} as well"
        )


def _choice(key: str, held: Mapping[str, StateDict]) -> list[str]:
    """Which was taken, and what else there is but single numbers."""
    others = [name for name, values in held.items() if name != key and any(value.dim() for value in values.values())]
    if not key:
        return []
    return [f"its {key}" + (f", not its {some(list(others), SHOWN)}" if others else "")]
