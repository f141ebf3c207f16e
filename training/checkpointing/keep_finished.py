"""Removes checkpoints of a finished run, once its results are on the disk, and in the store if there is one."""

import contextlib
import shutil
import sys
from pathlib import Path

from torchferry import run_folder
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.config.recipe import CheckpointConfig
from torchferry.training.progress import Progress

KEPT = CheckpointConfig().keep


def keep_finished(run_dir: Path, config: CheckpointConfig, progress: Progress, stored: RemoteRun | None) -> None:
    """Remove what `checkpoint.keep_finished` does not keep. What cannot be removed stays, and is said.

    The last one always stays: by it a run is known to be finished, and more epochs go on from it.
    """
    if (wanted := config.keep_finished or default_of(config)) == "all":
        return
    best = wanted == "best"
    try:
        _on_the_disk(run_dir / run_folder.CHECKPOINTS, progress, best=best)
        if stored is not None and (complete := [name for name, whole in stored.checkpoints().items() if whole]):
            stored.prune(complete[0], 1, progress.best_step if best else progress.step)
    except OSError as error:
        print(f"torchferry: {error}; old checkpoints stay", file=sys.stderr, flush=True)


def default_of(config: CheckpointConfig) -> str:
    """What nobody needs goes: the optimizer's state makes a checkpoint two or three times as large as the model."""
    if config.keep > KEPT:  # somebody wants to look back
        return "all"
    # After more epochs it may be the best still.
    return "best" if config.export == "best" else "last"


def _on_the_disk(folder: Path, progress: Progress, *, best: bool) -> None:
    last = folder / checkpoint.name_of(progress.step)
    if not last.is_dir():  # it lies in the store alone
        return
    kept = {last, checkpoint.best(folder) if best else last}
    for path in checkpoint.newest_first(folder):
        if path not in kept:
            shutil.rmtree(path)
    if checkpoint.best(folder) is None:
        with contextlib.suppress(FileNotFoundError):
            (folder / "best").unlink()  # it names what is not there
