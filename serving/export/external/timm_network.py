"""Networks of timm: by name, as timm/resnet18.a1_in1k, and of a folder that timm saved."""

import importlib.util
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.huggingface.model_folder import CONFIG, config_of, weights_of
from torchferry.training.config.instantiate import one_line
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models.weights import load_weights

NAME = re.compile(r"timm/(?P<name>\w[\w.-]*)")
PRETRAINED = "pretrained"
"""--weights that are downloaded, or in the cache."""


def timm_name(model: str) -> str | None:
    """What `model` calls a network of timm's, if it names one and no folder."""
    found = NAME.fullmatch(model)
    return found["name"] if found and not Path(model).exists() else None


def is_pretrained(weights: str | None) -> bool:
    return weights == PRETRAINED and not Path(PRETRAINED).exists()


def network_by_name(name: str, args: Mapping[str, Any], is_filled: bool) -> nn.Module:
    """With the weights that timm publishes if it `is_filled`; else nothing is downloaded. Raises UserError for a name
    that timm does not know, with the nearest, for arguments that do not fit, and for weights that are not to be had."""
    timm = _timm(f"timm/{name}")
    _check_name(timm, name)
    logging.disable(logging.WARNING)  # the hub's client says itself what the error says again
    try:
        return timm.create_model(name, pretrained=is_filled, **args)
    except Exception as error:  # whatever a network makes of its arguments, or a hub of its files
        words = "its weights cannot be downloaded; give a file with --weights" if is_filled else "could not be built"
        raise UserError(f"--model: timm/{name}: {words} ({one_line(error)})") from error
    finally:
        logging.disable(logging.NOTSET)


def network_of_folder(folder: Path) -> nn.Module:
    """Its architecture and arguments are in config.json. Raises UserError."""
    config, weights = config_of(folder), weights_of(folder)
    timm, name = _timm(str(folder)), config["architecture"]
    _check_name(timm, name)
    own = config.get("model_args") or {}
    for key, value in (("model_args", own), ("pretrained_cfg", config["pretrained_cfg"])):
        if not isinstance(value, dict):
            raise UserError(f"{folder / CONFIG}: {key} is {value!r:.50}; an object is expected")
    args = {key: config[key] for key in ("num_classes", "global_pool") if key in config} | own
    try:
        network = timm.create_model(name, pretrained=False, pretrained_cfg=_own_config(config), **args)
    except Exception as error:  # whatever a network makes of its arguments
        raise UserError(f"{folder}: timm cannot build {name}: {one_line(error)}") from error
    try:
        said = load_weights(network, WeightsConfig(source=str(weights)))
    except UserError as error:
        raise UserError(str(error).removeprefix("weights.source: ")) from error
    if said:
        print(said, flush=True)
    return network.float()


def _own_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The names of its classes among it, as timm reads a folder of the Hub."""
    beside = ("label_names", "label_descriptions", "num_classes")
    return {key: config[key] for key in beside if config.get(key)} | config["pretrained_cfg"]


def _timm(what: str) -> Any:
    if importlib.util.find_spec("timm") is None:
        raise UserError(f"{what}: is a network of timm, which is not installed; pip install timm")
    import timm

    return timm


def _check_name(timm: Any, name: str) -> None:
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = timm.list_models()
        raise UserError(f"--model: timm {timm.__version__} has no {architecture}{did_you_mean(architecture, known)}")
    tags = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in tags:
        has = f"it has {some(tags, 8)}" if tags else f"it has no weights for {architecture}; leave .{tag} out"
        raise UserError(f"--model: timm {timm.__version__} has no {name}{did_you_mean(name, tags, has)}")
