"""A list of files with labels, as competitions ship it: a table of text with a column of paths and one of labels."""

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.contract.missing_words import WORDS
from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.files.folder_layout import ARGS

PATHS = ("path", "file", "filename", "image", "audio")
IDS = ("id", "image_id")
"""Columns of names to which a suffix is to be added."""
LABELS = ("label", "class")
SPLITS = ("split",)
Places = tuple[int, int, int | None, int | None]
"""Of path, label, split and group."""
DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Columns:
    """Which columns are meant; None looks for the usual names."""

    path: str | None = None
    label: str | None = None
    split: str | None = None
    group: str | None = None
    """Of what files have in common that belong together; without a name there are none."""


@dataclass(frozen=True)
class Labelled:
    """A row of the list."""

    line: int
    name: str
    label: str
    split: str | None
    group: str | None = None


def read_list(
    path: Path, columns: Columns, delimiter: str | None, suffix: str, labels: Sequence[str] | None
) -> list[Labelled]:
    """Rows in their order, with `suffix` behind each name. A word for missing values that is in `labels` is a label.

    Raises UserError for a file that is no such list, a row without a name or label, and a file with two labels.
    """
    reader = csv_reader(io.StringIO(text := text_of(path), newline=""), delimiter=delimiter or delimiter_of(path, text))
    try:
        header = [name.strip() for name in next(reader, [])]
        places = _places(path, header, columns, suffix)
        rows = [_row(path, header, places, reader.line_num, cells, suffix) for cells in reader if cells]
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: cannot be read as CSV: {error}") from error
    if not rows:
        raise UserError(f"{path}: lists no files")
    _check(path, rows, labels)
    return rows


def text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a list in UTF-8: {one_line(error)}") from error


def delimiter_of(path: Path, text: str) -> str:
    """The one that the first line has."""
    header = text.partition("\n")[0]
    found = [delimiter for delimiter in DELIMITERS if delimiter in header]
    if len(found) > 1:
        raise UserError(f"{path}: its first line has {' and '.join(map(repr, found))}; give {ARGS}.delimiter")
    return found[0] if found else ","


def _places(path: Path, header: list[str], columns: Columns, suffix: str) -> Places:
    names = (*PATHS, *IDS) if suffix else PATHS
    where = place_of(path, header, "path_column", columns.path, names)
    label = place_of(path, header, "label_column", columns.label, LABELS)
    if where is None or label is None:
        argument, wanted = ("path_column", names) if where is None else ("label_column", LABELS)
        hint = "; ids without an ending need a suffix" if where is None and not suffix and _any(header, IDS) else ""
        found = f"none of its columns {', '.join(header)} is named {', '.join(wanted)}"
        raise UserError(f"{path}: {found}; give {ARGS}.{argument}{hint}")
    split = place_of(path, header, "split_column", columns.split, SPLITS)
    return where, label, split, place_of(path, header, "group_column", columns.group, ())


def place_of(path: Path, header: list[str], argument: str, given: str | None, names: Sequence[str]) -> int | None:
    if given is not None:
        if header.count(given) != 1:
            there = "no" if given not in header else "more than one"
            raise UserError(f"{ARGS}.{argument}: {path} has {there} column '{given}'; it has {', '.join(header)}")
        return header.index(given)
    found = [place for place, name in enumerate(header) if name.lower() in names]
    if len(found) > 1:
        both = " and ".join(header[place] for place in found)
        raise UserError(f"{path}: columns {both} could both be meant; give {ARGS}.{argument}")
    return found[0] if found else None


def _any(header: list[str], names: Sequence[str]) -> bool:
    return any(name.lower() in names for name in header)


def _row(
    path: Path,
    header: list[str],
    places: Places,
    line: int,
    cells: list[str],
    suffix: str,
) -> Labelled:
    if len(cells) != len(header):
        raise UserError(f"{path}: line {line} has {len(cells)} cells; its first line has {len(header)}")
    where, label, split, group = places
    for place in (where, group):
        if place is not None and not cells[place].strip():
            raise UserError(f"{path}: line {line} has no {header[place]}")
    others = (None if place is None else cells[place].strip() for place in (split, group))
    return Labelled(line, cells[where].strip() + suffix, cells[label].strip(), *others)


def _check(path: Path, rows: list[Labelled], labels: Sequence[str] | None) -> None:
    first: dict[str, Labelled] = {}
    for row in rows:
        if row.label in ("", *WORDS) and row.label not in (labels or ()):
            way = f"; a class of that name has to be in {ARGS}.labels" if row.label else ""
            raise UserError(f"{path}: line {row.line}: {row.name} has no label ('{row.label}'){way}")
        before = first.setdefault(row.name, row)
        if before.label != row.label:
            raise UserError(
                f"{path}: {row.name} is {before.label} in line {before.line} and {row.label} in line {row.line}; "
                "a file has one label"
            )
        if before.split != row.split:
            raise UserError(
                f"{path}: {row.name} is in {before.split} in line {before.line} and in {row.split} in line {row.line}"
            )
