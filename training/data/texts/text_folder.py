"""Text files in one folder per class: ROOT/train/CLASS/*.txt and ROOT/test/CLASS/*.txt, or ROOT/CLASS/*.txt."""

import os
from collections.abc import Sequence
from pathlib import Path

from torchferry.contract.text import NotAText, read_text
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.files.file_kind import FileKind
from torchferry.training.data.files.files_below import files_below
from torchferry.training.data.files.folder_layout import folders
from torchferry.training.data.texts.text_rows import ARGS, TextRows, joined

TEXTS = FileKind("text", ("txt",), ("UTF-8",), 0, lambda _: False, "text")
"""By their endings alone."""
LAYOUT = "CLASS/*.txt"
TEXTS = FileKind("text", ("txt",), ("UTF-8",), 0, lambda _: False, "text")
"""By their endings alone: no first bytes tell a text from others."""


def rows_of_folder(
    root: Path, train: str, test: str, labels: Sequence[str] | None, suffixes: Sequence[str], *, divided: bool
) -> TextRows:
    """With `divided` the folder has one for each split; else its own folders are the classes. Raises UserError."""
    if not divided:
        if (root / train).is_dir() and (root / test).is_dir():
            raise UserError(f"{root}: has {train} and {test}, which are no classes; leave {ARGS}.test_fraction out")
        return _classes(root, labels, suffixes)
    for argument, split in (("train", train), ("test", test)):
        if not (root / split).is_dir():
            there = folders(root)
            meant = did_you_mean(split, there)
            way = f"{ARGS}.{argument} names another, and {ARGS}.test_fraction 0.2 holds texts of {root}/CLASS out"
            raise UserError(f"{root}: has no folder {split}; it has {some(there) or 'none'}; {way}{meant}")
    return joined(_classes(root / train, labels, suffixes), _classes(root / test, labels, suffixes))


def _classes(folder: Path, labels: Sequence[str] | None, suffixes: Sequence[str]) -> TextRows:
    """Of all class folders, or of those in `labels`."""
    there = folders(folder)
    taken = [name for name in there if labels is None or name in labels]
    if not taken:
        raise UserError(f"{folder}: has no folder of a class, {LAYOUT}; it has {some(there) or 'none'}")
    unused = [name for name in there if name not in taken]
    paths: list[Path] = []
    said: list[str] = []
    left_out = 0
    for name in taken:
        below = files_below(folder, name, TEXTS, suffixes)
        paths += [folder / os.fsdecode(path) for path, _ in below.found]
        said += [name] * len(below.found)
        left_out += len(below.left_out)
    notes = [f"{folder}: left out its folders {some(unused)}"] if unused else []
    if left_out:
        notes.append(f"{folder}: left out {left_out:,} files that do not end in {', '.join(suffixes)}")
    texts, unread = _texts(paths)
    return TextRows(
        name=str(folder),
        texts=texts,
        said=said,
        unread=unread,
        notes=tuple(notes),
        where=lambda row: str(paths[row]),
    )


def _texts(paths: Sequence[Path]) -> tuple[list[str | None], dict[int, str]]:
    """And why one could not be read, by its number."""
    texts: list[str | None] = []
    unread: dict[int, str] = {}
    for number, path in enumerate(paths):
        try:
            texts.append(read_text(path.read_bytes()))
        except NotAText as error:
            texts.append(None)
            unread[number] = str(error)
        except OSError as error:
            texts.append(None)
            unread[number] = f"cannot be read: {error.strerror}"
    return texts, unread
