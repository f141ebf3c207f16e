"""Layouts of a folder of files: ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS. Both at once are refused."""

import os
from pathlib import Path

from torchferry.errors import UserError, some
from torchferry.nearest import nearest
from torchferry.training.data.files.file_kind import FileKind
from torchferry.training.data.files.files_below import is_hidden, shows

ARGS = "data.source.args"
SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval")
"""What people call a part of their data; as a class it would be a strange one."""


def class_folders(folder: Path, kind: FileKind) -> tuple[str, ...]:
    """The sorted names of the classes. Raises UserError where there are none."""
    try:
        names = folders(folder)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; {folder}/CLASS/{kind.example} is expected") from error
    if not names:
        raise UserError(f"{folder}: has no folders; one folder per class is expected, with its {kind.word}s")
    return names


def check_splits(root: Path, kind: FileKind, train: str, test: str) -> None:
    """Raises UserError for a root without the two folders that the arguments name, or with classes beside them."""
    if not root.is_dir():
        files = f"CLASS/{kind.example}"
        raise UserError(f"{root}: is no folder; {train}/{files} and {test}/{files} are expected in it")
    found = folders(root)
    for argument, split in (("train", train), ("test", test)):
        if (root / split).is_dir():
            continue
        near = [name for name in (*SPLITS, nearest(split, found)) if name in found]
        near = [name for name in near if name not in (train, test)]
        classes = [name for name in found if name not in SPLITS and shows(root / name, kind)]
        if near:
            hint = f"{ARGS}.{argument} {near[0]} would take the one that is there"
        elif classes and argument == "train":
            hint = f"{ARGS}.test_fraction 0.2 would take {some(classes)} as classes and hold a fifth out"
        else:
            hint = f"or class folders in {root} itself with {ARGS}.test_fraction"
        expected = (
            f"{split}/CLASS/{kind.example} is expected in {root}, which has {some(found) or 'no folders'}; {hint}"
        )
        raise UserError(f"{root / split}: No such file or directory; {expected}")
    beside = [name for name in found if name not in (train, test, *SPLITS) and shows(root / name, kind)]
    if beside:
        way = f"move it elsewhere, or give {ARGS}.test_fraction if all of these are classes"
        raise UserError(f"{root}: has {train} and {test}, and {kind.word}s beside them in {some(beside)}; {way}")


def check_classes(root: Path, kind: FileKind) -> None:
    """Raises UserError for a root whose own folders are not its classes, which `test_fraction` takes them for."""
    found = folders(root) if root.is_dir() else ()
    if not found and shows(root, kind):
        way = f"a source {kind.list_source} reads their labels from a CSV"
        raise UserError(f"{root}: has {kind.word}s, but no class folders, which {ARGS}.test_fraction is for; {way}")
    for name in found:
        if name in SPLITS and not shows(root / name, kind) and folders(root / name):
            way = f"give root {root / name}, or leave test_fraction out"
            raise UserError(
                f"{root}: {ARGS}.test_fraction takes its folders for classes, but {name} has folders; {way}"
            )


def folders(folder: Path) -> tuple[str, ...]:
    """Sorted names, without hidden ones."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not is_hidden(os.fsencode(entry.name)))
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:  # or the results could not be written after the whole training
            raise UserError(f"{folder}: the name of {os.fsencode(name)!r} is not UTF-8; rename it") from error
    return tuple(names)
