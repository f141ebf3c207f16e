"""Image files in one folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg."""

import os
from pathlib import Path

from torchferry.errors import UserError, some
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.file_list import FileList
from torchferry.training.data.pictures.folder_layout import check_classes, check_splits, class_folders, folders
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.image_split import ImageSplit, split_by_content
from torchferry.training.data.pictures.pictures_below import is_hidden, left_out_line, pictures_below
from torchferry.training.data.source import ImageInput, Source


@checked
@takes_arguments_of(image=image_input)
def image_folder(
    root: str,
    image: ImageInput,
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    suffixes: list[str] | None = None,
    limit: int | None = None,
    in_memory: bool = False,
) -> Source:
    """Pictures in class folders: ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS with `test_fraction`.

    Classes are the sorted folder names. A file is taken for its name's ending, or for its first bytes where it has no
    picture's ending, and decoded by its content; what is left out is said.

    Args:
        root: The folder.
        train: The folder in `root` with the class folders to train on.
        test: The folder in `root` with those to test on.
        test_fraction: Share of the pictures, 0 to below 1, that is held out, by content alone: equal files are on one
            side, and none changes sides when others come or go or are renamed. With 0 the test set is the training set.
        split_seed: Decides which ones.
        suffixes: Endings of the files that are taken, such as [jpg]; null goes by content.
        limit: Takes so many files of each split, evenly from the classes.
        in_memory: Decodes all files at the start; one that cannot be read then ends the run.
    """
    at_least(1, limit=limit)
    folder = Path(root).expanduser()
    if test_fraction is None:
        found = _by_folders(folder, train, test, suffixes)
    else:
        check_classes(folder)
        labels = class_folders(folder)
        files, notes = class_pictures(folder, labels, labels, suffixes)
        found = split_by_content(folder, files, labels, test_fraction, split_seed, notes)
    return found.source(image, limit, in_memory)


def _by_folders(root: Path, train: str, test: str, suffixes: list[str] | None) -> ImageSplit:
    check_splits(root, train, test)
    labels, tested = class_folders(root / train), class_folders(root / test)
    if unknown := [name for name in tested if name not in labels]:
        raise UserError(f"{root / test / unknown[0]}: is no class of training; {root / train} has {some(labels)}")
    trained, said = class_pictures(root / train, labels, labels, suffixes)
    held, also_said = class_pictures(root / test, tested, labels, suffixes)
    unused = tuple(name for name in folders(root) if name not in (train, test))
    beside = (f"{root}: left out its folders {some(unused)}",) if unused else ()
    notes = tuple(dict.fromkeys((*beside, *said, *also_said)))
    return ImageSplit(labels, (root / train, root / test), (trained, held), notes)


def class_pictures(
    folder: Path, there: tuple[str, ...], labels: tuple[str, ...], suffixes: list[str] | None = None
) -> tuple[FileList, tuple[str, ...]]:
    """Of the class folders that are `there`, numbered by `labels`, and a line on what else the folder has."""
    lists, left_out = [], _beside_classes(folder)
    for label in there:
        pictures = pictures_below(folder, label, suffixes)
        names, sizes = [name for name, _ in pictures.found], [size for _, size in pictures.found]
        lists.append(FileList.of(names, sizes, labels.index(label)))
        left_out += pictures.left_out
    return FileList.joined(lists), left_out_line(left_out, folder, by_ending=suffixes is not None)


def _beside_classes(folder: Path) -> list[bytes]:
    """Files that belong to no class."""
    with os.scandir(os.fsencode(folder)) as entries:
        return sorted(entry.name for entry in entries if not entry.is_dir() and not is_hidden(entry.name))
