"""Folders that are either whole or absent."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.errors import UserError

FULL = 1 << 20  # bytes


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a temporary sibling to fill; when the block ends well, flush it and rename it to `target`.

    Raises UserError if `target` exists, before and after, so that nothing is ever overwritten.
    """
    _refuse_existing(target)
    sibling = target.with_name(f".{target.name}.{os.getpid()}")
    make_folder(sibling)
    try:
        yield sibling
        for path in [*sibling.rglob("*"), sibling]:
            flush(path)
        _put(sibling, target)
    except Exception as error:
        if shutil.disk_usage(target.parent).free < FULL:  # every library has its own words for this
            raise UserError(f"{target}: no space is left on its disk; nothing was written") from error
        raise
    finally:
        shutil.rmtree(sibling, ignore_errors=True)


def _put(sibling: Path, target: Path) -> None:
    try:
        sibling.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):  # somebody was quicker
            _refuse_existing(target)
        raise
    flush(target.parent)


def make_folder(folder: Path) -> None:
    """Make it and its parents where they are missing. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror}); give another with --output") from error


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise UserError(f"{target}: exists already and is left as it is; give another with --output, or move it away")


def flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
