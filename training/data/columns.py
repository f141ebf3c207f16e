"""Columns of a table to arrays, with the first bad cell named."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from torchferry.errors import UserError

EXACT = 2**53
"""float64 holds every integer up to here."""


def numbers(columns: pa.Table, name: str, datatype: str = "float64") -> np.ndarray:
    """[rows, columns] in `datatype`; raises UserError for a cell that is no finite number in it. The first row is row
    1."""
    arrays = [
        _numbers(columns.column(index), f"{name}: column '{key}'", datatype)
        for index, key in enumerate(columns.column_names)
    ]
    return np.stack(arrays, axis=1)


def classes_of(columns: pa.Table, given: tuple[str, ...] | None, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """int64 [rows] and the classes' names: the sorted values, or `given`, which whole numbers then point into."""
    if columns.num_columns != 1:
        raise UserError(f"{name}: classification needs one target column, not {columns.num_columns}")
    column, where = columns.column(0), f"{name}: column '{columns.column_names[0]}'"
    _no_gaps(column, where)
    if pa.types.is_nested(column.type):
        raise UserError(f"{where} is of type {column.type}; a class is one number or word")
    if pa.types.is_floating(column.type):
        column = _whole(column, where)
    values = np.array(column.to_pylist())
    if values.dtype.kind == "U" and len(blank := np.flatnonzero(np.char.strip(values) == "")):
        raise UserError(f"{where} is empty in row {blank[0] + 1}; fill or drop such rows")
    found, indices = np.unique(values, return_inverse=True)
    if len(found) < 2:
        raise UserError(f"{where} has one class, '{found[0]}'; a target needs two or more")
    if given is None or values.dtype.kind not in "iub":
        return indices.astype(np.int64), tuple(map(str, found.tolist()))
    if found[0] < 0 or found[-1] >= len(given):
        raise UserError(f"{where} has class {found[-1] if found[0] >= 0 else found[0]}; there are {len(given)} names")
    return values.astype(np.int64), given


def _numbers(column: pa.ChunkedArray, where: str, datatype: str) -> np.ndarray:
    """[rows] in `datatype`."""
    if pa.types.is_null(column.type):
        raise UserError(f"{where} is empty in row 1; every cell must be a number")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        _no_gaps(column, where)
        cells = list(enumerate(column.to_pylist(), 1))
        row, text = next((cell for cell in cells if not _is_number(cell[1])), cells[0])
        raise UserError(f"{where} has text '{text}' in row {row}; every cell must be a number")
    try:
        _no_gaps(column, where)
        values = column.cast(pa.float64(), safe=False).to_numpy()
    except pa.ArrowException as error:
        raise UserError(f"{where} is of type {column.type}, not a number") from error
    with np.errstate(over="ignore"):
        kept = values.astype(datatype)
    bad = np.flatnonzero(~np.isfinite(kept))
    if len(bad):
        raise UserError(f"{where} is {values[bad[0]]} in row {bad[0] + 1}; every cell must be a finite {datatype}")
    if pa.types.is_integer(column.type) and np.abs(values).max(initial=0) >= EXACT:
        _check_distinct(column, values, where)
    return kept


def _check_distinct(column: pa.ChunkedArray, values: np.ndarray, where: str) -> None:
    """Raises UserError for integers so large and so near each other that they are one number as float64 `values`."""
    given, kept = pc.count_distinct(column).as_py(), len(np.unique(values))
    if kept < given:
        todo = "subtract their least from them, or divide them"
        raise UserError(f"{where} has {given} different integers, of which float64 keeps {kept} apart; {todo}")


def _no_gaps(column: pa.ChunkedArray, where: str) -> None:
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py() + 1
        raise UserError(f"{where} is empty in row {row}; fill or drop such rows")


def _whole(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    values = column.to_numpy()
    bad = np.flatnonzero(values != np.round(values))  # NaN too
    if len(bad):
        raise UserError(f"{where} is {values[bad[0]]} in row {bad[0] + 1}; a class is text or a whole number")
    return column.cast(pa.int64())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
