"""The target of a classification: a column of a table, made into classes."""

import numpy as np
import pyarrow as pa

from torchferry.errors import UserError
from torchferry.training.data.tables.columns import EXACT, Column, numbers, text, truth, where
from torchferry.training.data.tables.gaps import is_text
from torchferry.training.data.tables.table_reader import Table
from torchferry.training.data.tables.text_numbers import numbers_in


def class_column(table: Table) -> Column:
    """The target of a classification: whole numbers or truth values as they are, anything else as text."""
    if table.targets.num_columns != 1:
        raise UserError(f"{table.name}: classification needs one target column, not {table.targets.num_columns}")
    name, cells = table.targets.column_names[0], table.targets.column(0)
    if is_text(cells.type) and table.written and cells.null_count < len(cells):
        cells = _typed(cells, table)
    if is_text(cells.type) or pa.types.is_null(cells.type) or pa.types.is_date(cells.type):
        return Column(name=name, kind="category", values=text(cells))
    if pa.types.is_nested(cells.type):
        raise UserError(f"{where(table, name)} is of type {cells.type}; a class is one number or word")
    column = numbers(table, name, cells)
    bad = np.flatnonzero(~column.missing & ~(np.abs(column.values) <= EXACT))
    bad = bad if len(bad) else np.flatnonzero(~column.missing & (column.values != np.round(column.values)))
    if len(bad):
        cell = f"{where(table, name)} is {column.values[bad[0]]} in {table.place(bad[0])}"
        raise UserError(f"{cell}; a class is text or a whole number")
    if pa.types.is_boolean(cells.type):
        return Column(name=name, kind="category", values=text(cells))
    return column


def classes_of(column: Column, given: tuple[str, ...] | None, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """int64 [rows] and the classes' names: the sorted values, or `given`, which whole numbers then point into."""
    values = column.values.astype(str) if column.kind == "category" else column.values.astype(np.int64)
    found, indices = np.unique(values, return_inverse=True)
    if len(found) < 2:
        raise UserError(f"{name} has one class, '{found[0]}'; a target needs two or more")
    if given is None or values.dtype.kind != "i":
        return indices.astype(np.int64), tuple(map(str, found.tolist()))
    if found[0] < 0 or found[-1] >= len(given):
        raise UserError(f"{name} has class {found[-1] if found[0] >= 0 else found[0]}; there are {len(given)} names")
    return values, given


def _typed(cells: pa.ChunkedArray, table: Table) -> pa.ChunkedArray:
    """Numbers or truth values, where every cell of a text is one."""
    if (known := truth(cells)) is not None:
        return pa.chunked_array([pa.array(known, from_pandas=True).cast(pa.bool_())])
    found = numbers_in(cells, table.signs)
    return found if found.null_count == cells.null_count else cells
