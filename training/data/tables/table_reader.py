"""Readers of tables: each gives the same Table."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from torchferry.contract.missing_words import WORDS
from torchferry.contract.signs import PLAIN, Signs
from torchferry.errors import UserError
from torchferry.nearest import nearest
from torchferry.training.data.tables.gaps import with_gaps
from torchferry.training.data.tables.row_numbers import without_row_numbers
from torchferry.training.data.tables.table_arrays import listed, of_array
from torchferry.training.data.tables.table_file import Cells, read_file
from torchferry.training.data.tables.table_loader import load
from torchferry.training.data.tables.text_format import ARGUMENTS, TextFormat, shortened
from torchferry.training.data.tables.text_numbers import signs_of

HAS_NUMBER = re.compile(r"(^|[^\w.])[+-]?\d")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which columns the recipe asks for, and how it has them read."""

    features: list[str] | None = None
    columns_as: Mapping[str, str]
    missing_words: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns as they were found, but missing cells are null; not yet checked to be numbers."""

    name: str
    """For messages."""
    features: pa.Table
    targets: pa.Table
    unread: tuple[str, ...] = ()
    """Columns that are neither."""
    classes: tuple[str, ...] | None = None
    """The classes' names, if a loader gives them."""
    place: Callable[[int], str] = lambda row: f"row {row + 1}"
    """Where a row is found, from 0."""
    written: bool = False
    """Whether every cell was text, also numbers and dates; they are read with `signs`."""
    signs: Signs = PLAIN
    missing_words: tuple[str, ...] = WORDS
    notes: tuple[str, ...] = ()
    """What was assumed or left out."""


def read(path: str, form: TextFormat, target: Sequence[str], selection: Selection) -> Table:
    """A file of text, Parquet or Arrow; a local path or any URL of fsspec."""
    wanted = [*target, *(selection.features or [])]
    return _selected(read_file(path, form, wanted), path, target, selection, form)


def inline(columns: dict[str, list[Any]], target: Sequence[str], selection: Selection) -> Table:
    """Columns written in the recipe."""
    name = f"{ARGUMENTS}.columns"
    found = listed(columns, name)
    return _selected(Cells(columns=list(found), cells=list(found.values())), name, target, selection, TextFormat())


def loaded(loader: dict[str, Any], selection: Selection) -> Table:
    """What a function gives: (X, y), or a Bunch of scikit-learn, which may name its columns and classes."""
    found = load(loader)
    name = loader["name"]
    if isinstance(found, Mapping) and {"data", "target"} <= found.keys():
        inputs, targets, names = found["data"], found["target"], found.get("feature_names")
        target_names = found.get("target_names")
    elif isinstance(found, tuple) and len(found) == 2:
        (inputs, targets), names, target_names = found, None, None
    else:
        raise UserError(f"{name} gives {type(found).__name__}; (X, y) or a Bunch of scikit-learn is expected")
    columns = of_array(inputs, names, "x", name)
    outputs = pa.table(of_array(targets, target_names, "target", name))
    features = pa.table({key: columns[key] for key in _chosen(list(columns), selection)})
    if features.num_columns and features.num_rows != outputs.num_rows:
        raise UserError(f"{name} gives {features.num_rows} rows of inputs and {outputs.num_rows} targets")
    unread = tuple(key for key in columns if key not in features.column_names)
    classes = None if target_names is None else tuple(str(label) for label in target_names)
    return Table(
        name=name,
        features=with_gaps(_filled(features, name), selection.missing_words),
        targets=with_gaps(outputs, selection.missing_words),
        unread=unread,
        classes=classes,
        missing_words=tuple(selection.missing_words),
    )


def _selected(found: Cells, name: str, target: Sequence[str], selection: Selection, form: TextFormat) -> Table:
    twice = [column for column, count in Counter(found.columns).items() if count > 1 and column]
    if twice:
        raise UserError(f"{name}: has column '{twice[0]}' more than once")
    targets = [known(column, found.columns, "target", found.first_line) for column in target]
    notes: list[str] = []
    chosen = [key for key in _chosen(found.columns, selection, found.first_line) if key not in target]
    if selection.features is None:
        chosen, notes = without_row_numbers(found, chosen, name)
    elif both := [column for column in selection.features if column in targets]:
        raise UserError(f"{ARGUMENTS}.features: '{both[0]}' is the target")
    cells = dict(zip(found.columns, found.cells, strict=True))
    features = with_gaps(_filled(pa.table({key: cells[key] for key in chosen}), name), selection.missing_words)
    outputs = with_gaps(pa.table({key: cells[key] for key in targets}), selection.missing_words)
    signs = PLAIN
    if found.written:
        signs = _signs(features, outputs, form, selection, name)
    return Table(
        name=name,
        features=features,
        targets=outputs,
        unread=tuple(key for key in found.columns if key and key not in (*chosen, *targets)),
        place=found.place,
        written=found.written,
        signs=signs,
        missing_words=tuple(selection.missing_words),
        notes=(
            *found.notes,
            *([] if signs in (PLAIN, Signs(form.decimal or ".", form.thousands)) else [f"numbers have {signs}"]),
            *notes,
        ),
    )


def _signs(features: pa.Table, targets: pa.Table, form: TextFormat, selection: Selection, name: str) -> Signs:
    """Of the columns that may hold numbers."""
    columns = {
        key: table.column(key)
        for table in (features, targets)
        for key in table.column_names
        if selection.columns_as.get(key, "number") == "number"
    }
    return signs_of(columns, form.decimal, form.thousands, name)


def _chosen(columns: list[str], selection: Selection, first_line: str = "") -> list[str]:
    """The features: those asked for, or all that are not to be ignored."""
    twice = [column for column, count in Counter(selection.features or []).items() if count > 1]
    if twice:
        raise UserError(f"{ARGUMENTS}.features: names '{twice[0]}' more than once")
    for column in selection.columns_as:
        known(column, columns, "columns_as", first_line)
    asked = columns if selection.features is None else selection.features
    asked = [known(column, columns, "features", first_line) for column in asked]
    return [column for column in asked if selection.columns_as.get(column) != "ignore"]


def known(column: str, columns: Sequence[str], argument: str, first_line: str = "") -> str:
    """`column` if there is one; else raises UserError with the nearest name."""
    if column in columns:
        return column
    near = nearest(column, columns, 0)
    hint = f"; did you mean '{near}'?" if near else ""
    if HAS_NUMBER.search(first_line):
        hint += f"; if the first line, '{shortened(first_line)}', is a row, name the columns in {ARGUMENTS}.header"
    raise UserError(f"{ARGUMENTS}.{argument}: there is no column '{column}'{hint}")


def _filled(features: pa.Table, name: str) -> pa.Table:
    if features.num_columns == 0:
        raise UserError(f"{name}: has no column but the target; a feature is needed")
    if features.num_rows == 0:
        raise UserError(f"{name}: has no rows")
    return features
