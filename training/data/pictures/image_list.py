"""Image files that a list names with their labels: a CSV of path and label, and perhaps of split."""

import os
from collections import Counter
from pathlib import Path

from torchferry.contract.image_formats import SUFFIXES
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.file_list import FileList
from torchferry.training.data.pictures.folder_layout import ARGS
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.image_split import ImageSplit, split_by_content
from torchferry.training.data.pictures.label_list import Columns, Labelled, read_list
from torchferry.training.data.source import ImageInput, Source


@checked
@takes_arguments_of(image=image_input)
def image_list(
    path: str,
    image: ImageInput,
    root: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    delimiter: str | None = None,
    suffix: str = "",
    labels: list[str] | None = None,
    test_path: str | None = None,
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    limit: int | None = None,
    in_memory: bool = False,
) -> Source:
    """Pictures by a list of paths and labels, as competitions ship them: a CSV file with a first line of names.

    The test set is told by a column split, by a list of its own, or by `test_fraction`. Classes are the labels in the
    list, sorted, by number if all are numbers.

    Args:
        path: The list, in CSV or with another delimiter, perhaps compressed by gzip.
        root: The folder that paths are relative to; the list's own if null.
        path_column: The column of paths; null finds path, file, filename or image.
        label_column: The column of labels; null finds label or class.
        split_column: The column that tells `train` from `test`; null finds split.
        delimiter: Between columns; null finds it.
        suffix: Put behind each path, such as .jpg behind ids.
        labels: The classes, in the network's order; null takes those in the list.
        test_path: A list of the test set.
        train: What the split column says of samples to train on.
        test: What it says of samples to test on.
        test_fraction: Share of the pictures that is held out, as image_folder does it.
        split_seed: Decides which ones.
        limit: Takes so many files of each split, evenly from the classes.
        in_memory: Decodes all files at the start; one that cannot be read then ends the run.
    """
    at_least(1, limit=limit)
    listed, columns = Path(path).expanduser(), Columns(path_column, label_column, split_column)
    folder = listed.parent if root is None else Path(root).expanduser()
    rows = read_list(listed, columns, delimiter, suffix, labels)
    are_split = test_path is None and rows[0].split is not None
    _check_one_way(listed, are_split, test_path, test_fraction)
    notes: tuple[str, ...] = ()
    if are_split:
        rows, others, notes = _by_column(listed, rows, train, test)
    elif test_path is not None:
        others = read_list(Path(test_path).expanduser(), columns, delimiter, suffix, labels)
        _check_apart(rows, others)
    names = _classes(rows, labels)
    files, damaged = _files(listed, folder, rows, names)
    if test_fraction is not None:
        found = split_by_content(folder, files, names, test_fraction, split_seed, (), damaged)
    else:
        tested, also_damaged = _files(Path(test_path or path).expanduser(), folder, others, names)
        found = ImageSplit(names, (folder, folder), (files, tested), notes, damaged + also_damaged)
    return found.source(image, limit, in_memory)


def _check_one_way(listed: Path, are_split: bool, test_path: str | None, fraction: float | None) -> None:
    """To tell the test set from the training set."""
    ways = {f"{ARGS}.test_path": test_path is not None, f"{ARGS}.test_fraction": fraction is not None}
    given = [name for name, is_given in {f"a column of splits in {listed}": are_split, **ways}.items() if is_given]
    if not given:
        raise UserError(f"{listed}: has no column split; give {' or '.join(ways)} for the test set")
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} both say what is held out; leave one of them out")


def _by_column(
    listed: Path, rows: list[Labelled], train: str, test: str
) -> tuple[list[Labelled], list[Labelled], tuple[str, ...]]:
    """The rows of both sides, and a line on those of neither."""
    counts = Counter(row.split or "" for row in rows)
    for argument, split in (("train", train), ("test", test)):
        if not counts[split]:
            there = ", ".join(f"'{name}'" for name in counts)
            raise UserError(f"{listed}: no row has split '{split}'; it has {there}; {ARGS}.{argument} names one")
    others = {name: count for name, count in counts.items() if name not in (train, test)}
    said = ", ".join(f"{count} of split '{name}'" for name, count in others.items())
    notes = (f"{listed}: left out {said}",) if others else ()
    trained, tested = ([row for row in rows if row.split == split] for split in (train, test))
    return trained, tested, notes


def _check_apart(rows: list[Labelled], others: list[Labelled]) -> None:
    trained = {row.name: row for row in rows}
    for row in others:
        if row.name in trained:
            line = trained[row.name].line
            raise UserError(
                f"{row.name} is in both lists, in line {line} to train on and in line {row.line} to test on"
            )


def _classes(rows: list[Labelled], labels: list[str] | None) -> tuple[str, ...]:
    """As given, or those of the rows."""
    found = {row.label for row in rows}
    if labels is None:
        return tuple(sorted(found, key=int if all(map(str.isdecimal, found)) else None))
    if len(set(labels)) != len(labels):
        raise UserError(f"{ARGS}.labels: {labels} name a class twice")
    return tuple(labels)


def _files(
    listed: Path, folder: Path, rows: list[Labelled], labels: tuple[str, ...]
) -> tuple[FileList, tuple[str, ...]]:
    """And a line on those that are not there, which are samples that cannot be read."""
    numbers = {label: number for number, label in enumerate(labels)}
    for row in rows:
        if row.label not in numbers:
            meant = did_you_mean(row.label, labels)
            raise UserError(f"{listed}: line {row.line}: {row.label} is none of the classes {some(labels)}{meant}")
    sizes = [_size(folder / row.name) for row in rows]
    missing = [row for row, size in zip(rows, sizes, strict=True) if size is None]
    if missing and len(missing) == len(rows):
        raise UserError(
            f"{listed}: none of its files is in {folder}, such as {missing[0].name}{_hint(folder, missing[0])}"
        )
    line = (
        f"{listed}: {len(missing)} of its {len(rows)} files are not there: line {missing[0].line}, "
        f"{folder / missing[0].name}"
        if missing
        else ""
    )
    names = [os.fsencode(row.name) for row in rows]
    files = FileList.of(names, [size or 0 for size in sizes], [numbers[row.label] for row in rows])
    return files, (line,) if line else ()


def _size(path: Path) -> int | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size if path.is_file() else None


def _hint(folder: Path, row: Labelled) -> str:
    """What would find the file."""
    for suffix in SUFFIXES:
        if (folder / f"{row.name}.{suffix}").is_file():
            return f"; {ARGS}.suffix .{suffix} would find it"
    if "\\" in row.name and (folder / row.name.replace("\\", "/")).is_file():
        return "; write its path with / instead of \\"
    return f"; {ARGS}.root names their folder"
