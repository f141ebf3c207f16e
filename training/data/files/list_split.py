"""Files that a list names with their labels, on both sides: by a column, by a list of its own, or by a fraction."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.files.file_groups import check_apart, grouped
from torchferry.training.data.files.file_kind import FileKind
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.file_split import FileSplit, split_by_content
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.files.label_list import Columns, Labelled, read_list


@dataclass(frozen=True)
class FilesOfList:
    kind: FileKind
    path: Path
    """Of the list."""
    root: Path | None
    """The folder that paths are relative to; the list's own if None."""
    columns: Columns
    delimiter: str | None
    suffix: str
    labels: list[str] | None
    """The classes, in the network's order; None takes those in the list."""

    @property
    def folder(self) -> Path:
        return self.path.parent if self.root is None else self.root

    def split(self, test_path: str | None, train: str, test: str, fraction: float | None, seed: int) -> FileSplit:
        """Raises UserError for a list that does not say the test set in one way, or names files that are not there."""
        rows = self._read(self.path)
        are_split = test_path is None and rows[0].split is not None
        _check_one_way(self.path, are_split, test_path, fraction)
        notes: tuple[str, ...] = ()
        tested = self.path if test_path is None else Path(test_path).expanduser()
        if are_split:
            rows, others, notes = _by_column(self.path, rows, train, test)
        elif test_path is not None:
            others = self._read(tested)
            _check_apart(rows, others)
        names = _classes(rows, self.labels)
        files, damaged = self._files(self.path, rows, names)
        if fraction is not None:
            return split_by_content(self.kind, self.folder, files, names, fraction, seed, (), damaged)
        held, also_damaged = self._files(tested, others, names)
        trained, held_apart = ([row.group for row in each if row.group is not None] for each in (rows, others))
        check_apart(trained, held_apart, f"{self.path} to train on and {tested} to test on")
        both = (self.folder, self.folder)
        return FileSplit(self.kind, names, both, (files, held), notes, damaged + also_damaged)

    def _read(self, path: Path) -> list[Labelled]:
        return read_list(path, self.columns, self.delimiter, self.suffix, self.labels)

    def _files(self, listed: Path, rows: list[Labelled], labels: tuple[str, ...]) -> tuple[FileList, tuple[str, ...]]:
        """And a line on those that are not there, which are samples that cannot be read."""
        numbers = {label: number for number, label in enumerate(labels)}
        for row in rows:
            if row.label not in numbers:
                meant = did_you_mean(row.label, labels)
                raise UserError(f"{listed}: line {row.line}: {row.label} is none of the classes {some(labels)}{meant}")
        sizes = [_size(self.folder / row.name) for row in rows]
        missing = [row for row, size in zip(rows, sizes, strict=True) if size is None]
        if missing and len(missing) == len(rows):
            hint = _hint(self.kind, self.folder, missing[0])
            raise UserError(f"{listed}: none of its files is in {self.folder}, such as {missing[0].name}{hint}")
        line = (
            f"{listed}: {len(missing)} of its {len(rows)} files are not there: line {missing[0].line}, "
            f"{self.folder / missing[0].name}"
            if missing
            else ""
        )
        names = [os.fsencode(row.name) for row in rows]
        files = FileList.of(names, [size or 0 for size in sizes], [numbers[row.label] for row in rows])
        if rows[0].group is not None:
            files = grouped(files, [row.group or "" for row in rows])
        return files, (line,) if line else ()


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


def _size(path: Path) -> int | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size if path.is_file() else None


def _hint(kind: FileKind, folder: Path, row: Labelled) -> str:
    """What would find the file."""
    for suffix in kind.suffixes:
        if (folder / f"{row.name}.{suffix}").is_file():
            return f"; {ARGS}.suffix .{suffix} would find it"
    if "\\" in row.name and (folder / row.name.replace("\\", "/")).is_file():
        return "; write its path with / instead of \\"
    return f"; {ARGS}.root names their folder"
