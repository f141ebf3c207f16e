"""Class folders of both sides: ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS of which a part is held out."""

import os
from pathlib import Path

from torchferry.errors import UserError, some
from torchferry.training.data.files.file_groups import Groups
from torchferry.training.data.files.file_kind import FileKind
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.file_split import FileSplit, split_by_content
from torchferry.training.data.files.files_below import files_below, is_hidden, left_out_line
from torchferry.training.data.files.folder_layout import check_classes, check_splits, class_folders, folders


def split_by_folders(
    root: Path, kind: FileKind, train: str, test: str, suffixes: list[str] | None = None, groups: Groups | None = None
) -> FileSplit:
    """Raises UserError for another layout, a class of the test set that training does not have, and a group that is on
    both sides."""
    check_splits(root, kind, train, test)
    labels, tested = class_folders(root / train, kind), class_folders(root / test, kind)
    if unknown := [name for name in tested if name not in labels]:
        raise UserError(f"{root / test / unknown[0]}: is no class of training; {root / train} has {some(labels)}")
    trained, said = class_files(root / train, kind, labels, labels, suffixes)
    held, also_said = class_files(root / test, kind, tested, labels, suffixes)
    if groups is not None:
        trained, held = groups.of_both(root / train, trained, root / test, held)
    unused = tuple(name for name in folders(root) if name not in (train, test))
    beside = (f"{root}: left out its folders {some(unused)}",) if unused else ()
    notes = tuple(dict.fromkeys((*beside, *said, *also_said)))
    return FileSplit(kind, labels, (root / train, root / test), (trained, held), notes)


def split_of_classes(
    root: Path,
    kind: FileKind,
    fraction: float,
    seed: int,
    suffixes: list[str] | None = None,
    groups: Groups | None = None,
) -> FileSplit:
    """`fraction` of ROOT/CLASS is held out. Raises UserError for another layout."""
    check_classes(root, kind)
    labels = class_folders(root, kind)
    files, notes = class_files(root, kind, labels, labels, suffixes)
    files = files if groups is None else groups.of(root, files)
    return split_by_content(kind, root, files, labels, fraction, seed, notes)


def class_files(
    folder: Path, kind: FileKind, there: tuple[str, ...], labels: tuple[str, ...], suffixes: list[str] | None = None
) -> tuple[FileList, tuple[str, ...]]:
    """Of the class folders that are `there`, numbered by `labels`, and a line on what else the folder has."""
    lists, left_out = [], _beside_classes(folder)
    for label in there:
        below = files_below(folder, label, kind, suffixes)
        names, sizes = [name for name, _ in below.found], [size for _, size in below.found]
        lists.append(FileList.of(names, sizes, labels.index(label)))
        left_out += below.left_out
    return FileList.joined(lists), left_out_line(left_out, folder, kind, by_ending=suffixes is not None)


def _beside_classes(folder: Path) -> list[bytes]:
    """Files that belong to no class."""
    with os.scandir(os.fsencode(folder)) as entries:
        return sorted(entry.name for entry in entries if not entry.is_dir() and not is_hidden(entry.name))
