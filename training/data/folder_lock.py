"""A folder that one process fills while the others of all nodes wait; it works before any process group exists."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Nobody else is in `shared` or `exclusive` for the folder meanwhile; it is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Nobody is in `exclusive` for the folder meanwhile."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    try:
        descriptor = os.open(folder / ".download.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # missing or read-only: whoever is here cannot fill it
        yield
        return
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
