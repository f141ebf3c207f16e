"""Torchvision's weights by name, from where torch.hub keeps what it has downloaded."""

import contextlib
import fcntl
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line


def torchvision_weights(name: str) -> Mapping[str, torch.Tensor]:
    """Raises UserError for a name that torchvision does not know, and for what cannot be downloaded."""
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
