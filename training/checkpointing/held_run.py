"""Holds a run while it trains: its folder, and where there is one its store."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from torchferry.errors import Missing, StoreError, StoreRefused
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.resume import launch_of
from torchferry.training.checkpointing.run_lock import FOLDER, RunLock
from torchferry.training.distributed.process_group import RankInfo, on_the_leader


class HeldRun:
    """What the leading rank holds; the other ranks have one that holds nothing."""

    def __init__(self) -> None:
        self.locks: list[RunLock] = []

    @property
    def lost(self) -> str | None:
        """Who has taken the run over, in words."""
        return next((lock.lost for lock in self.locks if lock.lost is not None), None)

    def check(self) -> None:
        """Before anything is written. Raises UserError, which names who has taken the run over."""
        for lock in self.locks:
            lock.check()


@contextmanager
def held(folder: Path, stored: RemoteRun | None, rank_info: RankInfo) -> Iterator[HeldRun]:
    """Every rank enters it alike; all raise UserError where another process holds the run, before anything is read."""
    with ExitStack() as left:
        yield on_the_leader(rank_info, lambda: _take(folder, stored, left), HeldRun())


def _take(folder: Path, stored: RemoteRun | None, left: ExitStack) -> HeldRun:
    taken, launch = HeldRun(), launch_of(os.environ)
    here = RunLock(ObjectStore(f"file://{folder.resolve()}"), "", launch)
    here.where = str(folder)
    left.callback(_remove_empty, folder, [each for each in (folder, *folder.parents) if not each.exists()])
    with suppress(StoreError):  # a disk that cannot be written: what needs to write there says so
        _hold(here, taken, left)
    if stored is not None:
        _check(stored)
        if stored.store.exclusive:
            _hold(RunLock(stored.store, stored.name, launch), taken, left)
        else:
            line = f"{stored.url}: its store cannot keep two runs apart, so see that no other has this name there"
            print(f"torchferry: {line}", file=sys.stderr, flush=True)
    return taken


def _hold(lock: RunLock, taken: HeldRun, left: ExitStack) -> None:
    lock.take()
    left.callback(lock.release)
    taken.locks.append(lock)


def _check(stored: RemoteRun) -> None:
    try:
        stored.check()
    except StoreError as error:
        kind = StoreRefused if isinstance(error, StoreRefused | Missing) else StoreError
        raise kind(error.errno, error.strerror, f"checkpoint.store: cannot write {error.filename}") from error


def _remove_empty(folder: Path, made: list[Path]) -> None:
    """A start that was refused leaves no folder that it made."""
    for each in (folder / FOLDER, *made):
        with suppress(OSError):  # not empty, or not there
            each.rmdir()
