"""The state of a run folder decides how a run starts: anew, from a checkpoint, or not at all because it is done."""

import contextlib
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torchferry import run_folder
from torchferry.errors import UserError
from torchferry.files import write_whole
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.checkpoint import stated
from torchferry.training.checkpointing.flat_recipe import flat, recorded
from torchferry.training.checkpointing.may_differ import SAME_RUN, is_free
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.config.cli import parse, to_yaml
from torchferry.training.config.recipe import Recipe
from torchferry.training.data.recorded import as_recorded
from torchferry.training.models.saved import whole_step
from torchferry.training.progress import Progress
from torchferry.training.telemetry import sample_log


@dataclass(frozen=True)
class Start:
    checkpoint: Path | None
    """Where to go on from; None starts anew."""
    progress: Progress
    launch: str
    """The same for all restarts by one torchrun."""
    restarts: int
    """How often this run was started before."""
    finished: bool
    """Whether the folder, or the store, holds the model of the newest checkpoint already."""
    began: int
    """Nanoseconds since 1970, at the leading rank."""
    given: bool = False
    """Whether the checkpoint is another run's, which `resume` names."""
    url: str | None = None
    """What `resume` names, where that is a URL; the checkpoint is then here for the start alone."""

    @property
    def where(self) -> str:
        """The checkpoint, for people."""
        return self.url or str(self.checkpoint)

    def attempt(self, world_size: int) -> str:
        """The line that is written about it."""
        values = {"time": self.began / 1e9, "launch": self.launch, "world_size": world_size}
        return json.dumps(values | {"from_step": self.progress.step}) + "\n"


def find_start(
    recipe: Recipe,
    environ: Mapping[str, str],
    stored: RemoteRun | None = None,
    downloaded: Path | None = None,
    fetched: Path | None = None,
) -> Start:
    """Where the run folder says to go on; no file is written. With a store the `downloaded` checkpoint says it.

    `fetched` is the checkpoint that `resume` names, where that is a URL.

    Raises UserError for a folder that is another run's, or holds nothing whole.
    """
    folder, launch, attempts = recipe.run_dir, launch_of(environ), _attempts(recipe.run_dir)
    if _visible(folder):
        _check_ours(recipe, again=bool(attempts) and attempts[-1]["launch"] == launch)
    path, progress = (downloaded, stated(downloaded)) if downloaded else _newest_whole(folder / run_folder.CHECKPOINTS)
    if given := path is None and recipe.resume not in ("auto", "none"):
        path, progress = _given(fetched or Path(recipe.resume))
        progress.best, progress.best_step, progress.stale = None, -1, 0  # that run's best is not in this folder
    url = recipe.resume if given and fetched is not None else None
    finished = _is_finished(folder, progress.step, stored)
    return Start(path, progress, launch, len(attempts), finished, time.time_ns(), given, url)


def enter(recipe: Recipe, start: Start, world_size: int) -> None:
    """Make the run folder, or make it ready to go on. Raises UserError if it cannot be written.

    Where nodes have folders of their own, each is made so; in one that they share nothing happens again.
    """
    folder, attempt, attempts = recipe.run_dir, start.attempt(world_size), recipe.run_dir / run_folder.ATTEMPTS
    try:
        before = attempts.read_text(errors="replace") if attempts.is_file() else ""
        if before.endswith(attempt):
            return
        folder.mkdir(parents=True, exist_ok=True)
        # find_start has put back by now what a kill left as *.replaced; this removes the rest.
        checkpoint.clear_unfinished(folder / run_folder.CHECKPOINTS)
        write_whole(folder / run_folder.CONFIG, to_yaml(recorded(recipe)))
        sample_log.cut(folder, start.progress.step)
        with attempts.open("a") as file:
            # A kill may have cut the last line, which this one must not be joined to.
            file.write("\n" + attempt if before and not before.endswith("\n") else attempt)
    except OSError as error:
        raise UserError(f"runs_dir: cannot write {folder} ({error.strerror}); give another with --runs_dir") from error


def _is_finished(folder: Path, step: int, stored: RemoteRun | None) -> bool:
    """Whether the model of `step` is here, or else in the store. A damaged one here is said, and written again."""
    try:
        here = whole_step(folder / run_folder.MODEL)
    except UserError as error:
        print(f"torchferry: {error}, from the newest checkpoint", file=sys.stderr, flush=True)
        return False
    return here == step or (stored is not None and stored.finished_at() == step)


def _visible(folder: Path) -> bool:
    """Whether there is anything but what a start leaves that was killed at once."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a run folder; give another --name")
    return folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir())


def _check_ours(recipe: Recipe, *, again: bool) -> None:
    folder = recipe.run_dir
    if recipe.resume == "none" and not again:
        raise UserError(
            f"{folder}: exists already and is left as it is; give another --name, or --resume auto to go on"
        )
    if not (folder / run_folder.CONFIG).is_file():
        raise UserError(f"{folder}: is no run folder (it has no config.yaml); give another --name")
    # Parsed again, so that keys which came later have their defaults.
    began = parse(["--config", str(folder / run_folder.CONFIG)], environment=False)
    began = replace(began, data=replace(began.data, source=as_recorded(began.data.source)))
    before, now = dict(flat(began)), dict(flat(recorded(recipe)))
    differ = [
        f"{key} {before.get(key)}, the recipe now says {now.get(key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and not is_free(key, SAME_RUN)
    ]
    if differ:
        raise UserError(
            f"{folder}: was started with {'; with '.join(differ)}; give another --name, or the old value to go on"
        )


def _newest_whole(folder: Path) -> tuple[Path | None, Progress]:
    """The newest checkpoint whose files are as they were written; a damaged one is named and passed over."""
    checkpoint.put_back(folder)
    paths = checkpoint.newest_first(folder)
    for path in paths:
        try:
            return path, checkpoint.read_progress(path)
        except UserError as error:
            print(f"torchferry: {error}; trying the checkpoint before it", file=sys.stderr, flush=True)
    if paths:
        raise UserError(f"{folder}: holds no whole checkpoint; move {folder.parent} away, or give another --name")
    return None, Progress()


def _given(path: Path) -> tuple[Path, Progress]:
    """The checkpoint that --resume names: its own folder, or the newest of a run's."""
    if (path / "checksums.json").is_file():
        return path, checkpoint.read_progress(path)
    for folder in (path / run_folder.CHECKPOINTS, path):
        found, progress = _newest_whole(folder)
        if found is not None:
            return found, progress
    raise UserError(f"resume: {path} {checkpoint.NO_CHECKPOINT}")


def _attempts(folder: Path) -> list[dict[str, Any]]:
    """Those that can be read: a full disk or a kill may have cut one."""
    file, found = folder / run_folder.ATTEMPTS, []
    for line in file.read_text(errors="replace").splitlines() if file.is_file() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [attempt for attempt in found if isinstance(attempt, dict) and "launch" in attempt]


def launch_of(environ: Mapping[str, str]) -> str:
    """The same for all restarts by one torchrun, whose restart count does not rise when a node joins."""
    if "TORCHELASTIC_RUN_ID" not in environ:
        return uuid.uuid4().hex
    identity = environ["TORCHELASTIC_RUN_ID"]
    # none is torchrun's default; its agent, our parent, then tells one launch from another.
    return identity if identity != "none" else f"{socket.gethostname()}:{os.getppid()}"
