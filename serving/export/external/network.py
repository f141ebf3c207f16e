"""The network that --model names, with its weights, what it is called, and where its weights are from."""

import argparse
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.files import sha256
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.external.huggingface.model_folder import is_model_folder, name_of_folder, weights_of
from torchferry.serving.export.external.timm_network import is_pretrained, network_by_name, timm_name
from torchferry.training.config.instantiate import Component, build
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models import NETWORKS
from torchferry.training.models.weights import load_weights

# A recipe's keys in what training says of them, and the options here.
OPTIONS = {
    "model.name:": "--model:",
    "model.args:": "--model-args:",
    "model.args.": "--model-args.",
    "weights.source:": "--weights:",
    "weights.key:": "--weights-key:",
    "weights.prefix:": "--weights-prefix:",
}
NAMELESS = re.compile(r"(build|create|make|get|load|new|from|init|setup)(_.*)?|(my_|the_)?(model|net|network|factory)")
"""Functions that are called by what they do; others, such as resnet18, by what they give."""


def build_network(options: argparse.Namespace) -> nn.Module:
    """In float32. Raises UserError for what cannot be imported or called, and for weights that do not fit."""
    path = options.model.replace(":", ".")
    try:
        network = _built(options, path)
        if not isinstance(network, nn.Module):
            raise UserError(f"--model: {path} gives a {type(network).__name__}, not a torch.nn.Module")
        if isinstance(network, torch.jit.RecursiveScriptModule):
            raise UserError(f"--model: {path} gives a torch.jit.script module, which torch.export cannot trace; give "
                            "what it was scripted from")  # fmt: skip
        network = _unwrapped(network)
        if options.weights and not _is_filled(options):
            given = {"source": options.weights, "key": options.weights_key, "prefix": options.weights_prefix}
            if said := load_weights(network, WeightsConfig(**given)):
                print(said, flush=True)
        elif options.weights_key or options.weights_prefix:
            raise UserError("--weights: is missing; --weights-key and --weights-prefix say what to take from it")
    except UserError as error:
        text = str(error)
        for key, option in OPTIONS.items():
            text = text.replace(key, option)
        raise UserError(text) from error
    return network.float()


def _built(options: argparse.Namespace, path: str) -> Any:
    if name := timm_name(options.model):
        return network_by_name(name, options.model_args, _is_filled(options))
    return build(Component(name=path, args=options.model_args), NETWORKS, "model")


def _is_filled(options: argparse.Namespace) -> bool:
    """Whether timm is asked for the weights that it publishes."""
    return timm_name(options.model) is not None and is_pretrained(options.weights)


def name_of(options: argparse.Namespace, network: nn.Module | None = None) -> str:
    """The bundle's name: the last word of --model, unless that is what a function does; then the network's class, or
    where the function stands if the class is one of torch's own, such as Sequential.

    Without the network, which takes its time to be loaded, the last word. Raises UserError.
    """
    name: str = _own_name(options.model, network) if options.name is None else options.name
    if not bundles.NAME.fullmatch(name):
        raise UserError(f"--name: '{name[:200]}' cannot be a name; {bundles.NAME_RULE}")
    return name


def _own_name(model: str, network: nn.Module | None) -> str:
    if (own := Path(model)).exists() and (own.is_file() or is_model_folder(own)):
        word = own.stem if own.is_file() else name_of_folder(own)
        return re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip("-._")[:100]
    if of_timm := timm_name(model):
        return of_timm
    if "/" in model:
        has = "has no model: no config.json, nor weights" if own.exists() else "is not there"
        raise UserError(f"--model: {model} {has}; give a file or a folder with a model, timm/NAME, or an import path")
    *within, word = model.replace(":", ".").split(".")
    if network is None or not NAMELESS.fullmatch(word):
        return word
    kind = type(network)
    return (within[-1] if within and kind.__module__.startswith("torch.") else kind.__name__).strip("_")


def origin(options: argparse.Namespace) -> dict[str, str]:
    """Where the network and its weights are from, for the bundle's provenance.

    Only our own networks are known to load nothing; what a function or a class of others does is not.
    """
    if (own := Path(options.model)).is_file():
        return {"model": own.name, "weights": own.name, "weights_sha256": sha256(own)}
    if is_model_folder(own):
        return {"model": name_of_folder(own), "weights": weights_of(own).name}
    said = {"model": options.model}
    if not options.weights:
        is_random = options.model in NETWORKS or timm_name(options.model)
        return said | {"weights": "random" if is_random else f"as built by {options.model}"}
    file = Path(options.weights)
    said["weights"] = file.name
    if file.is_file() and file.suffix != ".json":  # an index of shards holds none itself
        said["weights_sha256"] = sha256(file)
    return said


def _unwrapped(network: nn.Module) -> nn.Module:
    """What torch.compile or a data-parallel wrapper has inside, whose forward has names."""
    if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return _unwrapped(network.module)
    inner = getattr(network, "_orig_mod", None)  # of torch.compile
    return _unwrapped(inner) if isinstance(inner, nn.Module) else network
