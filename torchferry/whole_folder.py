"""Folders that are either whole or absent."""

import errno
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from torchferry.errors import UserError
from torchferry.files import flush

FULL = 1 << 20  # bytes


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a temporary sibling to fill; when the block ends well, flush it and rename it to `target`.

    Raises UserError if `target` exists, before and after, so that nothing is ever overwritten.
    """
    refuse_existing(target)
    make_folder(target.parent)
    _remove_leftovers(target)
    with _locked_sibling(target) as sibling:
        try:
            yield sibling
            # Files before the rename, or a crash could leave the name with empty files.
            for path in [*sibling.rglob("*"), sibling]:
                flush(path)
            _put(sibling, target)
        except Exception as error:
            if shutil.disk_usage(target.parent).free < FULL:  # every library has its own words for this
                raise UserError(f"{target}: no space is left on its disk; nothing was written") from error
            raise


@contextmanager
def _locked_sibling(target: Path) -> Iterator[Path]:
    """A new folder, removed afterwards. It is locked before it has a name by which others could find it."""
    unique = uuid.uuid4().hex[:12]
    made, sibling = target.with_name(f".{unique}"), target.with_name(f".{target.name}.{unique}.unfinished")
    with ExitStack() as undo:
        for folder in (made, sibling):
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        make_folder(made)
        lock = os.open(made, os.O_RDONLY)
        undo.callback(os.close, lock)
        with suppress(OSError):  # NFS has no locks for folders
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(sibling)
        yield sibling


def _remove_leftovers(target: Path) -> None:
    """Siblings whose lock nobody holds: of processes that were killed."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}\.unfinished")
    for left in target.parent.iterdir():
        if not ours.fullmatch(left.name):
            continue
        with suppress(OSError):  # it is in use, or already gone, or nobody can tell
            lock = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def _put(sibling: Path, target: Path) -> None:
    try:
        sibling.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):  # somebody was quicker
            refuse_existing(target)
        raise
    flush(target.parent)


def make_folder(folder: Path) -> None:
    """Make it and its parents where they are missing. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror}); give another with --output") from error


def refuse_existing(target: Path) -> None:
    """Raises UserError for a file or folder that is there."""
    if target.exists():
        raise UserError(f"{target}: exists already and is left as it is; give another with --output, or move it away")
