"""The files of one kind below a folder, told from others by their names, or by their first bytes."""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torchferry.errors import UserError
from torchferry.training.data.files.file_kind import FileKind
from torchferry.training.data.files.file_list import sorted_names

SILENT = frozenset((b"thumbs.db", b"ehthumbs.db", b"desktop.ini", b"__macosx"))
"""What systems leave beside files of people."""


@dataclass
class FilesBelow:
    found: list[tuple[bytes, int]] = field(default_factory=list)
    """(name relative to the root, size in bytes), in the order of the names as text."""
    left_out: list[bytes] = field(default_factory=list)
    """Files of other kinds."""


def files_below(root: Path, folder: str, kind: FileKind, suffixes: Collection[str] | None = None) -> FilesBelow:
    """Of `folder` in `root`, those in its subfolders too.

    A name with an ending of the kind is taken without a look, so that a folder of millions is listed in seconds; of a
    file with another or none the first bytes decide. With `suffixes` these endings alone are taken.
    Hidden files are passed over. Raises UserError for a folder that cannot be read.
    """
    given = None if suffixes is None else frozenset(suffix.lower().lstrip(".").encode() for suffix in suffixes)
    below_root = FilesBelow()
    waiting, seen = [os.fsencode(folder)], set[tuple[int, int]]()
    while waiting:
        below = waiting.pop()
        path = os.path.join(os.fsencode(root), below)
        try:
            with _opened(path) as descriptor:
                state = os.stat(descriptor)
                if (state.st_dev, state.st_ino) not in seen:  # links may lead here again and again
                    seen.add((state.st_dev, state.st_ino))
                    waiting += _add_files(below_root, path, descriptor, below, kind, given)
        except OSError as error:
            raise UserError(f"{os.fsdecode(path)}: cannot be read: {error.strerror}") from error
    below_root.found = sorted_names(below_root.found)
    below_root.left_out.sort()
    return below_root


def _add_files(
    files: FilesBelow, path: bytes, folder: int, below: bytes, kind: FileKind, given: Collection[bytes] | None
) -> list[bytes]:
    """Of one folder, which is open as `folder`; gives its folders. The content decides too where no endings are
    `given`. A name costs one call of the system, because there may be millions."""
    folders, endings = [], kind.endings if given is None else given
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
        if regular and (known or (given is None and holds(name, kind, folder))):
            files.found.append((relative, size))
        else:
            files.left_out.append(relative)
    return folders


@contextlib.contextmanager
def _opened(folder: bytes) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def holds(path: bytes, kind: FileKind, folder: int | None = None) -> bool:
    """Whether the file begins as one of the kind; not where it cannot be read. `path` may be relative to the open
    `folder`."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags, dir_fd=folder)) as file:
            return kind.begins(file.read(kind.head))
    except OSError:
        return False


def shows(folder: Path, kind: FileKind) -> bool:
    """Whether any of the files in it, not in its subfolders, is of the kind."""
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            return any(
                entry.name.rpartition(b".")[2].lower() in kind.endings or holds(entry.path, kind)
                for entry in entries
                if not is_hidden(entry.name) and entry.is_file()
            )
    except OSError:
        return False


def is_hidden(name: bytes) -> bool:
    return name.startswith(b".") or name.lower() in SILENT


def left_out_line(names: list[bytes], root: Path, kind: FileKind, *, by_ending: bool = False) -> tuple[str, ...]:
    """One line that counts them and names a few; none where there are none."""
    if not names:
        return ()
    shown = ", ".join(os.fsdecode(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    count = "1 file" if len(names) == 1 else f"{len(names):,} files"
    other = f"that is no {kind.word}" if len(names) == 1 else f"that are no {kind.word}s"
    why = "with another ending" if by_ending else other
    return (f"{root}: left out {count} {why}: {shown}",)
