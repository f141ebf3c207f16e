"""The small files of a checkpoint and of its run, read where they lie, on the disk or in a store."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from torchferry import run_folder
from torchferry.errors import Missing, StoreError, StoreRefused
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.remote_run import CARD, RemoteRun, step_of

Answer = TypeVar("Answer")


class SavedFiles(Protocol):
    where: str
    step: int

    def read(self, name: str) -> bytes | None:
        """Of the checkpoint; None where there is no such file."""

    def config(self) -> bytes | None:
        """config.yaml of its run."""

    def card(self) -> bytes | None:
        """model.yaml of its run, which only a run has that was finished once."""


class OnDisk:
    def __init__(self, path: Path) -> None:
        self.path, self.where = path, str(path)
        self.step = int(path.name.removeprefix("step-")) if checkpoint.NAME.fullmatch(path.name) else 0

    def read(self, name: str) -> bytes | None:
        return read_file(self.path / name)

    def config(self) -> bytes | None:
        return read_file(self.path.parent.parent / run_folder.CONFIG)

    def card(self) -> bytes | None:
        return read_file(self.path.parent.parent / run_folder.MODEL / run_folder.CARD)


class InStore:
    """Raises StoreError. `key` is the recipe's that names the store."""

    def __init__(self, stored: RemoteRun, name: str, key: str) -> None:
        self.stored, self.files, self.key = stored, stored.checkpoint(name), key
        self.where, self.step = self.files.url, step_of(name)

    def read(self, name: str) -> bytes | None:
        return _asked(self.key, lambda: self.files.read(name))

    def config(self) -> bytes | None:
        return self.read(run_folder.CONFIG)

    def card(self) -> bytes | None:
        if (results := _asked(self.key, self.stored.results)) is None:
            return None
        return _asked(self.key, lambda: results.read(CARD))


def on_disk(folder: Path) -> list[SavedFiles]:
    """The checkpoints in it, the newest first; last what a kill has left under another name, to be put back later."""
    return [OnDisk(path) for path in [*checkpoint.newest_first(folder), *sorted(folder.glob(".step-*.replaced"))]]


def in_store(stored: RemoteRun | None, key: str) -> list[SavedFiles]:
    """The complete checkpoints in a store, the newest first."""
    if stored is None:
        return []
    found = _asked(key, stored.checkpoints) or {}
    return [InStore(stored, name, key) for name, whole in found.items() if whole]


def read_file(file: Path) -> bytes | None:
    """None where there is none, or none that can be read."""
    try:
        return file.read_bytes()
    except OSError:
        return None


def _asked(key: str, action: Callable[[], Answer]) -> Answer | None:
    """None where the store has nothing there."""
    try:
        return action()
    except Missing:
        return None
    except StoreError as error:
        kind = StoreRefused if isinstance(error, StoreRefused) else StoreError
        raise kind(error.errno, error.strerror, f"{key}: cannot read {error.filename}") from error
