"""Torchvision's weights by name, from where torch.hub keeps what it has downloaded."""

import contextlib
import fcntl
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean, nearest
from torchferry.training.config.instantiate import one_line

PREFIX = "torchvision.models."


def named_weights(name: str, what: str = "weights.source") -> Any:
    """A member of one of torchvision's enums, as ResNet18_Weights.DEFAULT or by its whole import path.

    Nothing is downloaded. Raises UserError, which begins with `what`, for a name that torchvision does not know.
    """
    from torchvision.models import get_weight

    *path, enum, member = ["", *name.split(".")]
    try:
        if f"{'.'.join(path[1:])}." != PREFIX and len(path) > 1 and not ".".join(path[1:]).startswith(PREFIX):
            raise ValueError(name)
        return get_weight(f"{enum}.{member}")
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"{what}: '{name}' is neither a .safetensors or .pth file nor one of torchvision's weights, "
            f"such as ResNet18_Weights.DEFAULT{_nearest(enum, member)}"
        ) from error


def torchvision_weights(name: str) -> Mapping[str, torch.Tensor]:
    """Raises UserError for a name that torchvision does not know, for what cannot be downloaded, and for weights of
    networks in int8."""
    weights = named_weights(name)
    if plain := weights.meta.get("unquantized"):
        raise UserError(f"weights.source: {name} are int8 weights, which no network of float32 takes; {plain} are the "
                        "same in float32, of which export makes an int8 variant")  # fmt: skip
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


def _nearest(enum: str, member: str) -> str:
    """The end of the message, if one was nearly named."""
    from torchvision.models import get_model_weights, list_models

    families = {family.__name__: family for family in map(get_model_weights, list_models())}
    if enum in families:
        return did_you_mean(f"{enum}.{member}", (str(each) for each in families[enum]))
    by_network = {name.rpartition("_")[0]: name for name in families}
    found = nearest(enum.rpartition("_")[0], by_network)
    return f"; did you mean {by_network[found]}?" if found else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.hub says about a download."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield
