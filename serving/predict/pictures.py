"""The pictures below a folder, in an order that is always the same, found while they are asked for."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from torchferry.contract.image_formats import HEAD, SUFFIXES, is_picture
from torchferry.errors import UserError, some

ENDINGS = frozenset(SUFFIXES)
SILENT = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"))
"""What systems leave beside pictures."""


@dataclass
class LeftOut:
    """Files of a folder that are no pictures."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, path: str) -> None:
        self.count += 1
        if len(self.first) < 3:
            self.first.append(path)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        what = "1 file that is no picture" if self.count == 1 else f"{self.count:,} files that are no pictures"
        return f"left out {what}: {some(self.first)}{more}"


def pictures_below(folder: str, left_out: LeftOut) -> Iterator[str]:
    """Paths, those in subfolders too, sorted by name within each folder; hidden files are passed over.

    A name with a picture's ending is taken without a look; of another file the first bytes decide. In memory are the
    names of one folder at a time. Raises UserError for a folder that cannot be read, or that has no picture.
    """
    count, here = 0, LeftOut()
    for path, is_file in _files_below(folder):
        if is_file and (is_named_so(path) or holds_picture(path)):
            count += 1
            yield path
        else:
            here.add(path)
            left_out.add(path)
    if not count:
        found = f"{here}; other files are given by name, such as '{folder}/*'" if here.count else "it has no files"
        raise UserError(f"{folder}: has no picture in it; {found}")


def files_of_folder(folder: str) -> int:
    """How many files it has, about as many as pictures."""
    return sum(len(names) for _, _, names in os.walk(folder))


def is_named_so(path: str) -> bool:
    """Whether its name has a picture's ending."""
    return path.rpartition(".")[2].lower() in ENDINGS


def holds_picture(path: str) -> bool:
    """Whether the file begins as a picture does; not where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return is_picture(file.read(HEAD))
    except OSError:
        return False


def _files_below(folder: str) -> Iterator[tuple[str, bool]]:
    """Paths, and of each whether it is a file, or a link that leads nowhere: of that is said that it cannot be read."""
    seen, waiting = set[tuple[int, int]](), [folder]
    while waiting:
        parent = waiting.pop()
        state = os.stat(parent)
        if (state.st_dev, state.st_ino) in seen:  # links may lead here again and again
            continue
        seen.add((state.st_dev, state.st_ino))
        folders, names, others = _entries(parent)
        for name in sorted(names):
            yield os.path.join(parent, name), name not in others
        waiting += [os.path.join(parent, name) for name in sorted(folders, reverse=True)]


def _entries(folder: str) -> tuple[list[str], list[str], set[str]]:
    """Names of folders, of all else, and those of the latter that are no files, but pipes and the like.

    The folder knows this of its entries; to ask for each of a million files takes longer than to read small ones.
    """
    folders, names, others = list[str](), list[str](), set[str]()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_hidden(entry.name):
                    continue
                is_folder = _leads_to(entry.is_dir)
                (folders if is_folder else names).append(entry.name)
                if not (is_folder or _leads_to(entry.is_file) or entry.is_symlink()):
                    others.add(entry.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from error
    return folders, names, others


def _leads_to(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link that leads to itself
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SILENT
