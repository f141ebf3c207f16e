"""One fills a folder while nobody reads it; several may read it at once."""

import fcntl
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from torchferry.training.data.folder_lock import exclusive, shared


def could_enter(folder: Path, kind: int) -> bool:
    """Whether another process would get that lock now; a second descriptor is as good as a second process."""
    with (folder / ".download.lock").open("r+") as file:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_who_fills_is_alone(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        assert not could_enter(tmp_path, fcntl.LOCK_SH)
        assert not could_enter(tmp_path, fcntl.LOCK_EX)
    assert could_enter(tmp_path, fcntl.LOCK_EX)


def test_readers_keep_only_those_out_who_fill(tmp_path: Path) -> None:
    with shared(tmp_path):
        assert could_enter(tmp_path, fcntl.LOCK_SH)
        assert not could_enter(tmp_path, fcntl.LOCK_EX)
    assert could_enter(tmp_path, fcntl.LOCK_EX)


@pytest.mark.parametrize("lock", [exclusive, shared])
def test_an_error_inside_lets_the_next_one_in(
    lock: Callable[[Path], AbstractContextManager[None]], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="disk is full"), lock(tmp_path):
        raise OSError("disk is full")
    assert could_enter(tmp_path, fcntl.LOCK_EX)


def test_only_who_fills_makes_the_folder(tmp_path: Path) -> None:
    missing = tmp_path / "a" / "b"
    with shared(missing):
        assert not missing.exists()
    with exclusive(missing):
        assert missing.is_dir()


def test_a_folder_that_cannot_be_locked_is_entered_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".download.lock").mkdir()  # cannot be opened as a file, as in a folder that is read-only
    entered = []
    for lock in (exclusive, shared):
        with lock(tmp_path):
            entered.append(lock)
    assert entered == [exclusive, shared]
