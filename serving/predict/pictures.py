"""The pictures below a folder, in an order that is always the same, found while they are asked for."""

import os
from collections.abc import Iterator
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
    for path in _files_below(folder):
        if _is_file(path) and (is_named_so(path) or holds_picture(path)):
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


def _files_below(folder: str) -> Iterator[str]:
    seen = set[tuple[int, int]]()
    for parent, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        state = os.stat(parent)
        if (state.st_dev, state.st_ino) in seen:  # links may lead here again and again
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(names):
            if not _is_hidden(name):
                yield os.path.join(parent, name)


def _is_file(path: str) -> bool:
    return os.path.isfile(path) or os.path.islink(path)  # of a link that leads nowhere is said that it cannot be read


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SILENT


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be read ({error.strerror})") from error
