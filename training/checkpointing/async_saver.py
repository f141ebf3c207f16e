"""Writes checkpoints while training goes on: one at a time, finished in a thread of its own.

With a store they are uploaded before they have their name in the run folder, and where ranks are on several nodes they
never get it: what lies there is a part, and the next start fetches what it needs.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint import CheckpointException

from torchferry.errors import StoreError
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.remote_folder import RemoteFolder
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.upload_writer import UploadWriter
from torchferry.training.config.instantiate import one_line
from torchferry.training.config.recipe import CheckpointConfig
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.progress import Progress

FULL = 1 << 20  # bytes: a disk with fewer free counts as full


@dataclass(kw_only=True)
class Saver:
    """Every rank has one and calls it alike; the leading rank finishes what all have written."""

    folder: Path
    config: CheckpointConfig
    group: dist.ProcessGroup
    """Gloo, and used for nothing else: a save exchanges messages while the loop exchanges its own."""
    rank_info: RankInfo
    fingerprint: str
    """What the run depends on, as JSON; it is in each checkpoint."""
    stored: RemoteRun | None
    saved: Callable[[float], None]
    """Told how many seconds a save took, when it is durable."""
    failed: Callable[[], None]
    """Told that one could not be written."""
    check: Callable[[], None] = lambda: None
    """Raises where another process has taken the run over."""
    newest: int | None = None
    """The step of the newest checkpoint that is whole: at first of the one that the run goes on from."""
    thread: threading.Thread | None = None
    error: str | None = None
    """Why the last save that was waited for failed on this rank."""
    failures: int = 0
    """How many saves failed on this rank; the next save, which may begin before anybody looks, forgets none."""

    def due(self, progress: Progress) -> bool:
        """Whether a checkpoint belongs here, after a step or, where `progress.batch` is 0, after an epoch."""
        epochs, steps = self.config.every_epochs, self.config.every_steps
        if progress.batch == 0 and epochs is not None and progress.epoch % epochs == 0:
            return True
        return steps is not None and progress.step % steps == 0

    def save(self, state: dict[str, Any], progress: Progress) -> None:
        """Copy `state` and write it as `checkpoints/step-<n>`. Waits for the save before, if that is not done."""
        # One at a time: two saves would mix their messages in the one group.
        self.wait()
        self.error = None
        started = time.perf_counter()
        written = checkpoint.unfinished(self.folder, progress.step)
        stored = self.stored.next_checkpoint(progress.step) if self.stored is not None else None
        writer = (
            dcp.FileSystemWriter(written, single_file_per_rank=True, thread_count=1)
            if stored is None
            else UploadWriter(written, stored, self.folder.parent, replace(progress), self.fingerprint)
        )
        try:
            future = dcp.async_save(state, storage_writer=writer, process_group=self.group)
        except (Exception, CheckpointException) as error:  # on all ranks alike, because they plan a save together
            self._give_up(error, progress)
            return
        # A copy of `progress`, which the loop changes while the thread writes it.
        self.thread = threading.Thread(
            target=self._finish, args=(future, replace(progress), stored, started), name="checkpoint", daemon=True
        )
        self.thread.start()
        if not self.config.asynchronous:
            self.wait()

    @property
    def whole(self) -> str:
        """What to go on from, in words."""
        if self.newest is None:
            return "there is no checkpoint yet"
        return f"the checkpoint of step {self.newest} is whole and finite"

    def wait(self) -> None:
        """Until the save in flight is durable, or has failed."""
        if self.thread is not None:
            self.thread.join()
            self.thread = None

    def _finish(self, future: Future, progress: Progress, stored: RemoteFolder | None, started: float) -> None:
        try:
            # Done when every rank has written, so the leading rank may name it.
            future.result()
            if self.rank_info.leads:
                self.check()  # a process that stood still meanwhile would remove what is no longer its own
            if stored is not None and not self.rank_info.one_node:
                shutil.rmtree(checkpoint.unfinished(self.folder, progress.step), ignore_errors=True)
            elif self.rank_info.leads:
                if stored is None:
                    checkpoint.complete(self.folder, progress, self.fingerprint, keep=self.config.keep)
                else:
                    checkpoint.put(self.folder, progress, keep=self.config.keep)
        except (Exception, CheckpointException) as error:  # a full or vanished disk may raise anything
            self._give_up(error, progress)
            return
        self.newest = progress.step
        if self.rank_info.leads:
            # Before the pruning, which may fail or take long and is no part of a save.
            self.saved(time.perf_counter() - started)
            if stored is not None:
                self._prune(stored, progress)

    def _prune(self, stored: RemoteFolder, progress: Progress) -> None:
        """The checkpoint is safe by now, so a store that keeps the old ones is no failure."""
        assert self.stored is not None
        try:
            self.stored.prune(stored.name.rpartition("/")[2], self.config.keep, progress.best_step)
        except OSError as error:
            print(f"torchferry: {error}; old checkpoints stay in the store", file=sys.stderr, flush=True)

    def _give_up(self, error: BaseException, progress: Progress) -> None:
        if isinstance(error, CheckpointException):  # the errors by rank
            error = next((reason for reason, _ in error.failures.values()), error)
        reason = str(error) if isinstance(error, StoreError) else one_line(error)
        if self.folder.exists() and shutil.disk_usage(self.folder).free < FULL:
            reason = "No space left on device"  # torch's own words name a position in a file
        if self.rank_info.leads or self.stored is not None:
            shutil.rmtree(checkpoint.unfinished(self.folder, progress.step), ignore_errors=True)
        if self.rank_info.leads:
            what = "training goes on without it" if self.config.on_save_error == "continue" else "training stops"
            print(
                f"torchferry: {self.folder}: cannot write the checkpoint of step {progress.step} ({reason}); {what}, "
                "the checkpoints before it are untouched",
                file=sys.stderr,
                flush=True,
            )
            self.failed()
        # Last: whoever reads them may end the process.
        self.error, self.failures = reason, self.failures + 1
