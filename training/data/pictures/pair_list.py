"""A list of pairs of files: two columns of paths, and perhaps one that says whether both are the same."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.files.label_list import delimiter_of, place_of, text_of

FIRST = ("anchor", "first", "path1", "file1", "image1", "image_1")
SECOND = ("positive", "second", "path2", "file2", "image2", "image_2")
SAME = ("same", "is_same", "match", "label")
YES, NO = ("1", "same", "true", "yes"), ("0", "different", "false", "no")


@dataclass(frozen=True)
class PairColumns:
    """Which columns are meant; None looks for the usual names."""

    first: str | None = None
    second: str | None = None
    same: str | None = None


@dataclass(frozen=True)
class Pair:
    """A row of the list."""

    line: int
    first: str
    second: str
    same: bool


def read_pairs(path: Path, columns: PairColumns, delimiter: str | None) -> list[Pair]:
    """Rows in their order; without a column for it all pairs are the same. Raises UserError for a file that is no such
    list, and for a row that does not say two files, or the one twice."""
    text = text_of(path)
    reader = csv_reader(io.StringIO(text, newline=""), delimiter=delimiter or delimiter_of(path, text))
    try:
        header = [name.strip() for name in next(reader, [])]
        places = _places(path, header, columns)
        pairs = [_pair(path, header, places, reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: cannot be read as CSV: {error}") from error
    if not pairs:
        raise UserError(f"{path}: lists no pairs")
    return pairs


def _places(path: Path, header: list[str], columns: PairColumns) -> tuple[int, int, int | None]:
    found = []
    for argument, given, names in (("first_column", columns.first, FIRST), ("second_column", columns.second, SECOND)):
        place = place_of(path, header, argument, given, names)
        if place is None:
            has = f"none of its columns {', '.join(header)} is named {', '.join(names)}"
            raise UserError(f"{path}: {has}; give {ARGS}.{argument}")
        found.append(place)
    return found[0], found[1], place_of(path, header, "same_column", columns.same, SAME)


def _pair(path: Path, header: Sequence[str], places: tuple[int, int, int | None], line: int, cells: list[str]) -> Pair:
    if len(cells) != len(header):
        raise UserError(f"{path}: line {line} has {len(cells)} cells; its first line has {len(header)}")
    first, second, same = (None if place is None else cells[place].strip() for place in places)
    if not first or not second:
        raise UserError(f"{path}: line {line} has no {header[places[0] if not first else places[1]]}")
    if first == second:
        raise UserError(f"{path}: line {line} names {first} twice; a pair is of two files")
    if same is not None and same.lower() not in (*YES, *NO):
        raise UserError(
            f"{path}: line {line}: '{same}' is neither same ({', '.join(YES)}) nor different ({', '.join(NO)})"
        )
    return Pair(line, first, second, same is None or same.lower() in YES)
