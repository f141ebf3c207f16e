"""Files that are a sample each, such as pictures; those below a folder in an order that is always the same, found while
they are asked for."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torchferry.contract.image_formats import HEAD, SUFFIXES, is_picture
from torchferry.errors import UserError, some

Kind = Literal["image", "audio", "text", ""]
"""Of a model's samples, or of a file; empty of numbers, and of a file that is none of these."""
NAMES: Mapping[str, str] = {"image": "picture", "audio": "sound", "text": "text"}
ENDINGS: Mapping[Kind, frozenset[str]] = {
    "image": frozenset(SUFFIXES),
    "audio": frozenset(("wav", "flac", "ogg", "oga", "opus", "mp3")),
    "text": frozenset(("txt",)),
}
SOUNDS = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3")
"""What sound files begin with; of a RIFF that is a picture (WebP) that is found first."""
SILENT = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"))
"""What systems leave beside pictures."""


@dataclass
class LeftOut:
    """Files of a folder that are no samples."""

    what: str = "picture"
    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, path: str) -> None:
        self.count += 1
        if len(self.first) < 3:
            self.first.append(path)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        one = f"1 file that is no {self.what}"
        what = one if self.count == 1 else f"{self.count:,} files that are no {self.what}s"
        return f"left out {what}: {some(self.first)}{more}"


def samples_below(folder: str, kind: Kind, left_out: LeftOut) -> Iterator[str]:
    """Paths, those in subfolders too, sorted by name within each folder; hidden files are passed over.

    A name with an ending of the kind is taken without a look; of another file the first bytes decide. In memory are the
    names of one folder at a time. Raises UserError for a folder that cannot be read, or that has no such file.
    """
    what = NAMES[kind]
    count, here, left_out.what = 0, LeftOut(what=what), what
    for path, is_file in _files_below(folder):
        if is_file and kind_of(path) == kind:
            count += 1
            yield path
        else:
            here.add(path)
            left_out.add(path)
    if not count:
        found = f"{here}; other files are given by name, such as '{folder}/*'" if here.count else "it has no files"
        raise UserError(f"{folder}: has no {what} in it; {found}")


def files_of_folder(folder: str) -> int:
    """How many files it has, about as many as pictures."""
    return sum(len(names) for _, _, names in os.walk(folder))


def kind_of(path: str) -> Kind:
    """By the name's ending, or else by the first bytes; none where these cannot be read."""
    if kind := kind_by_name(path):
        return kind
    try:
        with open(path, "rb") as file:
            return kind_by_head(file.read(HEAD))
    except OSError:
        return ""


def kind_by_name(path: str) -> Kind:
    ending = path.rpartition(".")[2].lower()
    return next((kind for kind, endings in ENDINGS.items() if ending in endings), "")


def kind_by_head(head: bytes) -> Kind:
    """Of a picture or a sound; a text is known by its name alone."""
    if is_picture(head):
        return "image"
    if head.startswith(SOUNDS):
        return "audio"
    return ""


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
