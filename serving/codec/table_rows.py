"""Rows of a table: records by the columns' names, and lines of text with a first line of names or without."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from torchferry.contract.cells import CellText, NotACell
from torchferry.contract.table import TableSpec, WrongRow
from torchferry.errors import some
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.lines import NEITHER, UNNAMED, Lines, read_lines
from torchferry.serving.codec.tensors import DTYPES, check_declared, dtype_of, from_numbers
from torchferry.serving.errors import NotDecodable, WrongTensor

Rows = tuple[np.ndarray, tuple[str, ...]]
"""[rows, numbers] as the network takes them, and what was assumed of them, a line each."""
PANDAS = CellText()
EITHER = "may be the columns' names or a row"
"""What is said of a first line of numbers that are names as well."""


def from_records(records: Sequence[Any], spec: TensorSpec) -> Rows:
    """Objects with a cell for each column, by name. Raises WrongTensor, which names the row and the column."""
    table, place = _table(spec), _counted if len(records) > 1 else _alone
    try:
        for row, record in enumerate(records):
            if not isinstance(record, dict):
                names = some([f'"{name}": ...' for name in table.names])
                raise WrongRow(f"{place(row)}: is {_kind(record)}; an object {{{names}}} is expected")
            table.check_names(record, place(row))
            if not record:
                raise WrongRow(f"{place(row)}: is empty; give one column or more of {', '.join(table.names)}")
        cells = {name: [record.get(name) for record in records] for name in table.names}
        return _encoded(cells, len(records), place, spec)
    except WrongRow as error:
        raise WrongTensor(str(error)) from error


def from_lines(body: bytes, spec: TensorSpec, most: int) -> Rows:
    """A first line of the columns' names, in any order, and rows; or rows alone where all columns are numbers.

    Other columns of training's table are left out, and said: somebody's file has them. A record is made for this model.
    There may be `most` rows.

    Raises NotDecodable, TooLarge; WrongTensor, which names the line and the column.
    """
    table = _table(spec)
    lines = read_lines(body, (len(table.names), len(table.numbers)), table.known, most + 1)
    if not lines.cells:
        raise WrongTensor(f"the body has no lines; the model takes the columns {', '.join(table.names)}")
    try:
        if _begins_with_names(lines, table):
            return _named(lines, table, spec)
        if len(lines.first) == len(table.numbers) != len(table.names):
            return plain_rows(lines, spec), ()  # what the network itself takes
        return _unnamed(lines, table, spec)
    except WrongRow as error:
        raise WrongTensor(str(error)) from error


def plain_rows(lines: Lines, spec: TensorSpec) -> np.ndarray:
    """[rows, numbers] of lines of numbers; an empty cell and pandas's words for missing values are NaN.

    Raises NotDecodable, WrongTensor.
    """
    whole = dtype_of(spec.datatype).kind in "iu"
    if not lines.cells:
        raise WrongTensor(f"the body has no lines; the model takes rows of {spec.shape[1]} numbers")
    rows: list[list[float]] = []
    try:
        for cells in lines.cells:
            rows.append([_plain(cell, whole) for cell in cells])
    except ValueError as error:
        what = f"{NEITHER}: {lines.place(len(rows))}: {error}"
        names = not (spec.table or rows or any(_is_number(cell, PANDAS) for cell in lines.first))
        hint = "; the model's columns have no names here, so a line of names is not taken"
        raise NotDecodable(what + (hint if names else "")) from error
    if len({len(row) for row in rows}) != 1:
        raise WrongTensor(f"'{spec.name}' has rows of different lengths; the model takes {spec.shape[1]} numbers each")
    shape = [len(rows), len(rows[0])]
    check_declared(spec.datatype, shape, spec)
    return from_numbers(rows, shape, spec)


def _plain(cell: str, whole: bool) -> float:
    """A whole number of a tensor of such is exact: as a float one of 17 digits might become its neighbour."""
    if PANDAS.is_missing(cell):
        return np.nan
    if "_" in cell:  # Python would take 1_000
        raise ValueError(f"could not convert string to float: '{cell}'")
    if whole and cell.strip().lstrip("+-").isdecimal():
        return int(cell)
    number = float(cell)
    return int(number) if whole and number.is_integer() else number


def _begins_with_names(lines: Lines, table: TableSpec) -> bool:
    """Raises WrongRow where the first line may be either."""
    first = lines.first
    numbers = [_is_number(cell, table.text) for cell in first]
    if not any(cell in table.names for cell in first):
        return not any(numbers)  # then names that the table does not have
    if all(numbers):
        if not all(cell in table.known or UNNAMED.fullmatch(cell) for cell in first):
            return False  # a number that is the name of a column elsewhere
        raise WrongRow(f"line 1: '{','.join(first)}' {EITHER}; send records as JSON")
    return True


def _named(lines: Lines, table: TableSpec, spec: TensorSpec) -> Rows:
    lines, notes = lines.without_unnamed(table.names)
    names = lines.first
    counted = Counter(names)
    if "" in names:
        raise WrongRow("line 1: a column has no name; name it, or leave it out")
    if twice := [name for name in names if counted[name] > 1]:
        raise WrongRow(f"line 1: names column '{twice[0]}' more than once")
    others = [name for name in names if name in table.known and name not in table.names]
    if len(others) == len(names):
        raise WrongRow(f"line 1: names no column that the model reads; they are {some(table.names, 20)}")
    table.check_names([name for name in names if name not in others], "line 1")
    rows = lines.behind_first
    if not rows.cells:
        raise WrongRow("line 1: names the columns, and no row follows it")
    encoded, unseen = _encoded(_by_name(rows, names), len(rows.cells), rows.place, spec)
    left_out = (f"column {table.is_no_input(name)}, and is left out" for name in others)
    return encoded, (*notes, *left_out, *unseen)


def _unnamed(lines: Lines, table: TableSpec, spec: TensorSpec) -> Rows:
    if not all(column.kind == "number" for column in table.columns):
        known = ", ".join(table.names)
        raise WrongRow(f"line 1: names no column, which is needed where not all are numbers; they are {known}")
    return _encoded(_by_name(lines, table.names), len(lines.cells), lines.place, spec)


def _by_name(lines: Lines, names: Sequence[str]) -> dict[str, list[str]]:
    for row, cells in enumerate(lines.cells):
        if len(cells) != len(names):
            raise WrongRow(f"{lines.place(row)}: has {len(cells)} cells; {len(names)} are expected: {', '.join(names)}")
    return {name: [cells[index] for cells in lines.cells] for index, name in enumerate(names)}


def _encoded(cells: Mapping[str, Sequence[Any]], rows: int, place: Callable[[int], str], spec: TensorSpec) -> Rows:
    table, dtype = _table(spec), DTYPES[spec.datatype]
    values = table.values(cells, rows, place)
    numbers = table.encoded(values)
    with np.errstate(over="ignore"):
        given = numbers.astype(dtype)
    for row, number in np.argwhere(np.isinf(given))[:1]:
        raise WrongRow(f"{place(row)}: column '{table.numbers[number]}' is beyond what {spec.datatype} holds")
    return given, tuple(table.unseen(values))


def _is_number(cell: str, text: CellText) -> bool:
    """Or missing, or a truth value."""
    try:
        text.number(cell)
    except NotACell:
        return False
    return True


def _table(spec: TensorSpec) -> TableSpec:
    assert spec.table is not None  # or nobody comes here
    return spec.table


def _kind(record: Any) -> str:
    return "a list" if isinstance(record, list) else str(json.dumps(record))[:60]


def _counted(row: int) -> str:
    return f"row {row + 1}"


def _alone(_: int) -> str:
    return "the record"
