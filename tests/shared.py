"""Folders that the workers of pytest-xdist share: made once by the first that needs one, and read-only after that."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder in which `make` has left what it makes; the other workers of pytest-xdist wait for it."""
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / f"shared-{name}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder.with_suffix(".made")
        if not made.exists():
            folder.mkdir()  # fails where an earlier try has failed: who asks next hears of it too
            make(folder)
            made.touch()
    return folder
