"""Image files in one folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg."""

import os
from pathlib import Path

from torchferry.contract.image import SUFFIXES
from torchferry.errors import UserError
from torchferry.training.data.arguments import at_least, checked
from torchferry.training.data.image_files import ImageFiles
from torchferry.training.data.image_input import Interpolation, Mode, Normalize, image_input
from torchferry.training.data.source import Source

ENDINGS = tuple(f".{suffix}" for suffix in SUFFIXES)


@checked
def image_folder(
    root: str,
    height: int,
    width: int,
    mode: Mode = "RGB",
    interpolation: Interpolation = "bilinear",
    normalize: Normalize = "imagenet",
    mean: list[float] | None = None,
    std: list[float] | None = None,
    train: str = "train",
    test: str = "test",
    limit: int | None = None,
    in_memory: bool = False,
) -> Source:
    """Classes are the sorted folder names under `train`; files without an image's suffix are left out.

    Files are decoded when asked for, or all at once with `in_memory`; a file that cannot be read then
    raises CorruptSample here. `limit` takes so many files of each split, evenly from the classes.
    """
    at_least(1, limit=limit)
    image = image_input(height, width, mode, interpolation, normalize, mean, std)
    folder = Path(root).expanduser()
    labels = class_folders(folder, train)
    unknown = [name for name in class_folders(folder, test) if name not in labels]
    if unknown:
        raise UserError(f"{folder / test / unknown[0]}: is no class of training; {folder / train} has {_some(labels)}")
    found, held_out = ([image_names(folder / split, label) for label in labels] for split in (train, test))
    empty = [label for label, names in zip(labels, found, strict=True) if not names]
    if empty or not any(held_out):
        where = folder / train / empty[0] if empty else folder / test
        raise UserError(f"{where}: has no image file; files that end in {', '.join(ENDINGS)} are expected")
    trained, tested = (
        ImageFiles(folder / split, *_evenly(names, limit), image) for split, names in ((train, found), (test, held_out))
    )
    if in_memory:
        return Source(train=trained.decoded(), test=tested.decoded(), labels=labels, input=image)
    return Source(train=trained, test=tested, labels=labels, input=image)


def class_folders(root: Path, split: str) -> tuple[str, ...]:
    """The sorted names of a split's class folders."""
    try:
        names = _folders(root / split)
    except OSError as error:
        beside = f"which has {_some(_folders(root))}" if root.is_dir() else "which is no folder"
        expected = f"{split}/CLASS/*.jpg is expected in {root}, {beside}"
        raise UserError(f"{root / split}: {error.strerror}; {expected}") from error
    if not names:
        raise UserError(f"{root / split}: has no folders; one folder per class is expected, with its images")
    return names


def _folders(folder: Path) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:  # or the results could not be written after the whole training
            raise UserError(f"{folder}: the name of {os.fsencode(name)!r} is not UTF-8; rename it") from error
    return tuple(names)


def image_names(folder: Path, label: str) -> list[str]:
    """Sorted paths, relative to `folder`, of a class's images; those in its subfolders too."""
    found = []
    for parent, folders, names in os.walk(folder / label, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = os.path.relpath(parent, folder)
        images = (name for name in names if name.lower().endswith(ENDINGS) and not name.startswith("."))
        found += [os.path.join(below, name) for name in images]
    return sorted(found)


def _evenly(found: list[list[str]], limit: int | None) -> tuple[list[str], list[int]]:
    """The files' names and classes: one of each class, then a second of each, up to `limit`; sorted by class."""
    places = [(place, index) for index, names in enumerate(found) for place in range(len(names))]
    kept = sorted((index, place) for place, index in sorted(places)[:limit])
    return [found[index][place] for index, place in kept], [index for index, _ in kept]


def _some(names: tuple[str, ...]) -> str:
    """The first few of many names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "no folders"
