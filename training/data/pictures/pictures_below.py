"""The pictures below a folder, told from other files by their names, or by their first bytes."""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torchferry.contract.image_formats import HEAD, SUFFIXES, is_picture
from torchferry.errors import UserError
from torchferry.training.data.file_list import sorted_names

ENDINGS = frozenset(suffix.encode() for suffix in SUFFIXES)
SILENT = frozenset((b"thumbs.db", b"ehthumbs.db", b"desktop.ini", b"__macosx"))
"""What systems leave beside pictures."""


@dataclass
class Pictures:
    found: list[tuple[bytes, int]] = field(default_factory=list)
    """(name relative to the root, size in bytes), in the order of the names as text."""
    left_out: list[bytes] = field(default_factory=list)
    """Files that are no pictures."""


def pictures_below(root: Path, folder: str, suffixes: Collection[str] | None = None) -> Pictures:
    """Of `folder` in `root`, those in its subfolders too.

    A name with a picture's ending is taken without a look, so that a folder of millions is listed in seconds; of a file
    with another or none the first bytes decide. With `suffixes` these endings alone are taken.
    Hidden files are passed over. Raises UserError for a folder that cannot be read.
    """
    endings = ENDINGS if suffixes is None else frozenset(suffix.lower().lstrip(".").encode() for suffix in suffixes)
    pictures = Pictures()
    waiting, seen = [os.fsencode(folder)], set[tuple[int, int]]()
    while waiting:
        below = waiting.pop()
        path = os.path.join(os.fsencode(root), below)
        try:
            with _opened(path) as descriptor:
                state = os.stat(descriptor)
                if (state.st_dev, state.st_ino) not in seen:  # links may lead here again and again
                    seen.add((state.st_dev, state.st_ino))
                    waiting += _add_files(pictures, path, descriptor, below, endings, by_content=suffixes is None)
        except OSError as error:
            raise UserError(f"{os.fsdecode(path)}: cannot be read: {error.strerror}") from error
    pictures.found = sorted_names(pictures.found)
    pictures.left_out.sort()
    return pictures


def _add_files(
    pictures: Pictures, path: bytes, folder: int, below: bytes, endings: Collection[bytes], *, by_content: bool
) -> list[bytes]:
    """Of one folder, which is open as `folder`; gives its folders. A name costs one call of the
    system, because there may be millions."""
    folders = []
    for name in os.listdir(path):
        if is_hidden(name):
            continue
        relative = below + b"/" + name
        try:
            state = os.stat(name, dir_fd=folder)
            regular, size = stat.S_ISREG(state.st_mode), state.st_size
            if stat.S_ISDIR(state.st_mode):
                folders.append(relative)
                continue
        except OSError:  # a link that leads nowhere is a sample that cannot be read, which is told when it is wanted
            regular, size = True, 0
        known = name.rpartition(b".")[2].lower() in endings
        if regular and (known or (by_content and holds_picture(name, folder))):
            pictures.found.append((relative, size))
        else:
            pictures.left_out.append(relative)
    return folders


@contextlib.contextmanager
def _opened(folder: bytes) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def holds_picture(path: bytes, folder: int | None = None) -> bool:
    """Whether the file begins as a picture does; not where it cannot be read. `path` may be relative to the open
    `folder`."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags, dir_fd=folder)) as file:
            return is_picture(file.read(HEAD))
    except OSError:
        return False


def shows_picture(folder: Path) -> bool:
    """Whether any of the files in it, not in its subfolders, is a picture."""
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            return any(
                entry.name.rpartition(b".")[2].lower() in ENDINGS or holds_picture(entry.path)
                for entry in entries
                if not is_hidden(entry.name) and entry.is_file()
            )
    except OSError:
        return False


def is_hidden(name: bytes) -> bool:
    return name.startswith(b".") or name.lower() in SILENT


def left_out_line(names: list[bytes], root: Path, *, by_ending: bool = False) -> tuple[str, ...]:
    """One line that counts them and names a few; none where there are none."""
    if not names:
        return ()
    shown = ", ".join(os.fsdecode(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    count = "1 file" if len(names) == 1 else f"{len(names):,} files"
    why = "with another ending" if by_ending else "that is no picture" if len(names) == 1 else "that are no pictures"
    return (f"{root}: left out {count} {why}: {shown}",)
