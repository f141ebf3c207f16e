"""Weights to start from: a file, or torchvision's by name."""

import contextlib
import fcntl
import io
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.config.recipe import WeightsConfig

SHOWN = 3


def load_weights(network: nn.Module, config: WeightsConfig) -> None:
    """Put them into `network`, but for the parameters whose names begin as `config.skip` says.

    Raises UserError for a file that cannot be read, and for weights of another architecture.
    """
    saved = _read(config.source)
    skipped = tuple(config.skip)
    own = {name: value for name, value in network.state_dict().items() if not name.startswith(skipped or ("\0",))}
    if len(own) == len(network.state_dict()) and config.skip:
        raise UserError(f"weights.skip: no parameter begins with {' or '.join(config.skip)}; {_some(own)}")
    wrong = [name for name in own if name not in saved]
    if wrong:
        raise UserError(f"weights.source: {config.source} is for another model: it has no {_some(wrong)}")
    wrong = [name for name in saved if name not in own and not name.startswith(skipped or ("\0",))]
    if wrong:
        raise UserError(f"weights.source: {config.source} is for another model, which has {_some(wrong)} as well")
    for name, value in own.items():
        if saved[name].shape != value.shape:
            shapes = f"{list(saved[name].shape)}, the model's is {list(value.shape)}"
            raise UserError(f"weights.source: {config.source} is for another model: its {name} is {shapes}")
    network.load_state_dict({name: saved[name] for name in own}, strict=False)


def _read(source: str) -> Mapping[str, torch.Tensor]:
    path = Path(source)
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        return _torchvision(source)
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"weights.source: {source} is a pickle of more than tensors, which could run code; save its state_dict()"
        ) from error
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(f"weights.source: cannot read {source}: {one_line(error)}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"weights.source: {source} holds a {type(content).__name__}, not a state_dict of tensors")
    return content


def _torchvision(name: str) -> Mapping[str, torch.Tensor]:
    from torchvision.models import get_weight

    try:
        weights = get_weight(name)
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"weights.source: '{name}' is neither a .safetensors or .pth file nor one of torchvision's weights, "
            "such as ResNet18_Weights.DEFAULT"
        ) from error
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # One process of each machine downloads; the others find the file when they have the lock.
        with (folder / ".torchferry.lock").open("w") as lock, _quiet():
            fcntl.flock(lock, fcntl.LOCK_EX)
            return weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        file = folder / os.path.basename(weights.url)
        raise UserError(
            f"weights.source: cannot download {name} ({one_line(error)}); put the file at {file}, or name a local one"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.hub says about a download."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield


def _some(names: object) -> str:
    shown = list(names)[:SHOWN]  # type: ignore[call-overload]  # any iterable
    return ", ".join(shown)
