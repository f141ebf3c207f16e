"""Long tables, as loggers write them: a CSV with a first line of names and a step in each row."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.files.label_list import delimiter_of, place_of
from torchferry.training.data.series.recordings import Recording, Recordings, recordings, said_label

SERIES = ("series", "series_id", "id", "case", "case_id")
LABELS = ("label", "class", "target", "y")
TIMES = ("time", "timestamp", "date", "datetime", "step", "index", "")
"""Columns that say when a step was; steps are taken in the order of their rows."""

Row = tuple[int, list[str]]
"""Its line, and its cells."""


@dataclass(frozen=True)
class LongColumns:
    """Which columns are meant; None looks for the usual names, and takes all others as values."""

    series: str | None = None
    label: str | None = None
    values: Sequence[str] | None = None


@dataclass(frozen=True)
class _Places:
    series: int | None
    label: int
    values: tuple[int, ...]


def read_long(path: Path, text: str, columns: LongColumns) -> Recordings:
    """A series ends where its name or its label changes. Raises UserError."""
    reader = csv_reader(io.StringIO(text, newline=""), delimiter=delimiter_of(path, text))
    try:
        header = [name.strip() for name in next(reader, [])]
        places = _places(path, header, columns)
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: cannot be read as CSV: {error}") from error
    for line, cells in rows:
        if len(cells) != len(header):
            raise UserError(f"{path}: line {line} has {len(cells)} cells; its first line has {len(header)}")
    series = [
        Recording(_values(path, header, places, list(run)), said_label(label), f"the series of line {line}", name)
        for (name, label), line, run in _runs(rows, places)
    ]
    return recordings(str(path), series, flat=len(places.values) == 1)


def _runs(rows: list[Row], places: _Places) -> Iterator[tuple[tuple[str, str], int, list[Row]]]:
    """The name and label of each series, its first line, and its rows."""

    def named(row: Row) -> tuple[str, str]:
        cells = row[1]
        return "" if places.series is None else cells[places.series].strip(), cells[places.label].strip()

    for names, run in groupby(rows, named):
        found = list(run)
        yield names, found[0][0], found


def _places(path: Path, header: list[str], columns: LongColumns) -> _Places:
    series = place_of(path, header, "series_column", columns.series, SERIES)
    label = place_of(path, header, "label_column", columns.label, LABELS)
    if label is None:
        found = f"none of its columns {some(header)} is named {', '.join(LABELS)}"
        raise UserError(f"{path}: {found}; give {ARGS}.label_column")
    if columns.values is not None:
        for name in columns.values:
            if name not in header:
                meant = did_you_mean(name, header)
                raise UserError(f"{ARGS}.value_columns: {path} has no column '{name}', but {some(header)}{meant}")
        return _Places(series, label, tuple(header.index(name) for name in columns.values))
    values = [at for at, name in enumerate(header) if at not in (series, label) and name.lower() not in TIMES]
    if not values:
        raise UserError(f"{path}: has no columns of values beside {some(header)}")
    return _Places(series, label, tuple(values))


def _values(path: Path, header: list[str], places: _Places, run: list[Row]) -> np.ndarray:
    cells = [[row[at].strip() or "nan" for at in places.values] for _, row in run]
    try:
        return np.array(cells, np.float32)
    except ValueError:
        for line, row in run:
            for at in places.values:
                _number(path, header[at], line, row[at])
        raise


def _number(path: Path, column: str, line: int, cell: str) -> None:
    try:
        float(cell or "nan")
    except ValueError as error:
        way = f"{ARGS}.value_columns says which columns are values"
        raise UserError(f"{path}: line {line}: {column} is '{cell}', which is no number; {way}") from error
