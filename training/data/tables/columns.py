"""Columns of a table to arrays, by what they hold, with the first bad cell named."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from torchferry.contract.encoders import Kind, missing_cells
from torchferry.contract.signs import TRUTH
from torchferry.errors import UserError
from torchferry.training.data.tables.gaps import is_text
from torchferry.training.data.tables.table_reader import Table
from torchferry.training.data.tables.text_format import shortened
from torchferry.training.data.tables.text_numbers import in_seconds, is_local_date, numbers_in, seconds

MOST_CATEGORIES = 100
"""Of a column that the recipe does not call a category; more are taken for an id or a name."""
FEW_CATEGORIES = 10
"""So many may be in a column where most rows have a value of their own."""
EXACT = 2.0**53
"""Beyond it a float64 does not hold every whole number."""
AS = "data.source.args.columns_as"
WORDS = "data.source.args.missing_words lists words for missing values"


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    name: str
    kind: Kind
    values: np.ndarray
    """float64 [rows], NaN where a cell is missing; of a category text [rows], and None where it is missing."""
    form: str | None = None
    """Of dates, if it is not ISO 8601's."""

    @property
    def missing(self) -> np.ndarray:
        return missing_cells(self.values)


def features_of(table: Table, columns_as: Mapping[str, str]) -> list[Column]:
    """Raises UserError for a column that may be read in several ways, and names a cell that does not fit the others."""
    return [_feature(table, key, columns_as.get(key)) for key in table.features.column_names]


def values_of(table: Table) -> list[Column]:
    """Targets that are numbers."""
    return [numbers(table, key, table.targets.column(key)) for key in table.targets.column_names]


def _feature(table: Table, name: str, as_: str | None) -> Column:
    cells = table.features.column(name)
    if cells.null_count == len(cells):
        raise UserError(f"{where(table, name)} has no value in any row; leave it out by {AS}: {{{name}: ignore}}")
    if as_ == "category":
        return Column(name=name, kind="category", values=text(cells))
    if as_ is not None and as_.startswith("date"):
        return _dates(table, name, cells, as_.partition(":")[2] or None)
    if as_ == "number" or not is_text(cells.type):
        if pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type):
            return _dates(table, name, cells, None)
        return numbers(table, name, cells)
    return _found(table, name, cells)


def _found(table: Table, name: str, cells: pa.ChunkedArray) -> Column:
    """What a column of text holds, if that is clear."""
    if (known := truth(cells)) is not None:
        return Column(name=name, kind="number", values=known)
    there, place = len(cells) - cells.null_count, where(table, name)
    count = len(cells) - numbers_in(cells, table.signs).null_count
    if count == there and not table.written:
        raise UserError(f"{place} holds numbers that are stored as text; say {AS}: {{{name}: number}}, or category")
    if 2 * count >= there:
        return numbers(table, name, cells)
    times = seconds(cells)
    if 2 * (len(times) - times.null_count) >= there:
        return _dates(table, name, cells, None)
    if is_local_date(cells):
        first = shortened(pc.drop_null(cells)[0].as_py())
        raise UserError(f"{place} has dates such as '{first}'; say which way: {AS}: {{{name}: 'date:%d/%m/%Y'}}")
    different = pc.count_distinct(cells).as_py()
    if different > MOST_CATEGORIES or (different > FEW_CATEGORIES and 2 * different > there):
        found = f"{place} is text with {different} different values in {there} rows, as a name or an id has"
        raise UserError(f"{found}; say {AS}: {{{name}: ignore}}, or category")
    return Column(name=name, kind="category", values=text(cells))


def numbers(table: Table, name: str, cells: pa.ChunkedArray) -> Column:
    if is_text(cells.type):
        if (known := truth(cells)) is not None:
            return Column(name=name, kind="number", values=known)
        found = numbers_in(cells, table.signs)
        _check_all(table, name, cells, found, "number")
    elif pa.types.is_null(cells.type):
        found = cells.cast(pa.float64())
    elif pa.types.is_temporal(cells.type) or not (
        pa.types.is_boolean(cells.type) or pa.types.is_primitive(cells.type) or pa.types.is_decimal(cells.type)
    ):
        raise UserError(f"{where(table, name)} is of type {cells.type}, not a number")
    else:
        found = cells.cast(pa.float64(), safe=False)
    values = _array(found)
    _check_apart(table, name, cells, values)
    bad = np.flatnonzero(np.isinf(values))
    if len(bad):
        raise UserError(
            f"{where(table, name)} is {values[bad[0]]} in {table.place(bad[0])}; every cell must be a finite number"
        )
    return Column(name=name, kind="number", values=values)


def _check_apart(table: Table, name: str, cells: pa.ChunkedArray, values: np.ndarray) -> None:
    """Raises UserError if whole numbers with too many digits have become equal."""
    if not (np.abs(values) >= EXACT).any() or pa.types.is_floating(cells.type):
        return
    try:
        different = pc.count_distinct(cells.cast(pa.int64())).as_py()
    except pa.ArrowInvalid:  # no whole numbers, or none that an int64 holds
        return
    if different > len(np.unique(values[~np.isnan(values)])):
        what = f"{where(table, name)} has whole numbers with more digits than a float64 keeps, and some become equal"
        raise UserError(f"{what}; is it an id? say {AS}: {{{name}: ignore}}, or category")


def _dates(table: Table, name: str, cells: pa.ChunkedArray, form: str | None) -> Column:
    if is_text(cells.type):
        found = seconds(cells, form)
        _check_all(table, name, cells, found, "date" if form is None else f"date as {form} says")
    elif pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type):
        found = in_seconds(cells)
    else:
        raise UserError(f"{where(table, name)} is of type {cells.type}, not a date")
    return Column(name=name, kind="date", values=_array(found), form=form)


def _check_all(table: Table, name: str, cells: pa.ChunkedArray, found: pa.ChunkedArray, kind: str) -> None:
    """Raises UserError for the first cell that is there and was not understood."""
    odd = pc.and_(pc.is_valid(cells), pc.is_null(found))
    if not pc.any(odd).as_py():
        return
    row, count = pc.index(odd, True).as_py(), pc.sum(odd).as_py()
    what = f"{where(table, name)} has text '{shortened(str(cells[row]))}' in {table.place(row)}"
    others = f" ({count} of {len(cells)} cells are none)" if count > 1 else ""
    raise UserError(
        f"{what}; every cell must be a {kind}{others}; words for missing values are in data.source.args.missing_words"
    )


def truth(cells: pa.ChunkedArray) -> np.ndarray | None:
    """1 and 0, where every cell is true or false."""
    there = pc.drop_null(cells)
    if not len(there) or there[0].as_py() not in TRUTH or not {*pc.unique(there).to_pylist()} <= TRUTH.keys():
        return None
    return np.array([np.nan if cell is None else TRUTH[cell] for cell in cells.to_pylist()])


def text(cells: pa.ChunkedArray) -> np.ndarray:
    """Text [rows], and None; a whole number without a point."""
    if pa.types.is_floating(cells.type):
        whole = pc.all(pc.equal(cells, pc.round(cells))).as_py()
        cells = cells.cast(pa.int64()) if whole else cells
    values = np.empty(len(cells), object)
    values[:] = [None if cell is None else str(cell) for cell in cells.to_pylist()]
    return values


def _array(cells: pa.ChunkedArray) -> np.ndarray:
    """float64, NaN where there is none."""
    return np.array(cells.to_numpy(zero_copy_only=False), np.float64)


def where(table: Table, name: str) -> str:
    return f"{table.name}: column '{name}'"
