"""Checkpoints: `checkpoints/step-<n>/`, with `latest` and `best` each naming one.

A folder holds what torch.distributed.checkpoint wrote, `state.json` (where the run stood) and
`checksums.json`. It appears under its name only when all of it is on the disk.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

from training.errors import UserError
from training.files import flush, sha256, write_whole


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stood."""

    epoch: int
    """Epochs finished."""
    step: int
    """Optimizer steps taken."""
    best_accuracy: float
    """The best test accuracy so far, 0..1."""


def save(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, *, keep: int, best: bool
) -> None:
    """Write `step-<n>` below `folder` and move `latest`, and `best` if so; every rank calls it.

    All but the newest `keep` and the best are removed afterwards.
    """
    leads = dist.get_rank() == 0
    name = f"step-{progress.step:08d}"
    unfinished = folder / f".{name}.unfinished"
    if leads:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
    dist.barrier()
    dcp.save(_state(model, optimizer), checkpoint_id=unfinished)
    if leads:
        _complete(unfinished, progress)
        unfinished.rename(folder / name)
        flush(folder)
        write_whole(folder / "latest", name + "\n")
        if best:
            write_whole(folder / "best", name + "\n")
        _prune(folder, keep)
    dist.barrier()


def load(checkpoint: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Put a saved state into `model` and `optimizer`; every rank calls it. Raises UserError if it is damaged."""
    verify(checkpoint)
    state = _state(model, optimizer)
    dcp.load(state, checkpoint_id=checkpoint)
    set_state_dict(model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"])
    return Progress(**json.loads((checkpoint / "state.json").read_text()))


def verify(checkpoint: Path) -> None:
    """Compare every file with its checksum; raises UserError naming the first that differs."""
    try:
        checksums = json.loads((checkpoint / "checksums.json").read_text())
        for name, expected in checksums.items():
            if sha256(checkpoint / name) != expected:
                raise UserError(f"{checkpoint / name}: is damaged (its checksum differs); use another checkpoint")
    except UserError:
        raise
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{checkpoint}: is not a complete checkpoint: {error}") from error


def _state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    model_state, optimizer_state = get_state_dict(model, optimizer)
    return {"model": model_state, "optimizer": optimizer_state}


def _complete(unfinished: Path, progress: Progress) -> None:
    write_whole(unfinished / "state.json", json.dumps(asdict(progress), indent=2) + "\n")
    checksums = {file.name: sha256(file) for file in sorted(unfinished.iterdir())}
    for name in checksums:
        flush(unfinished / name)
    write_whole(unfinished / "checksums.json", json.dumps(checksums, indent=2) + "\n")


def _prune(folder: Path, keep: int) -> None:
    newest = sorted(folder.glob("step-*"))[-keep:]
    named = [folder / (folder / name).read_text().strip() for name in ("latest", "best") if (folder / name).exists()]
    for checkpoint in folder.glob("step-*"):
        if checkpoint not in (*newest, *named):
            shutil.rmtree(checkpoint)
