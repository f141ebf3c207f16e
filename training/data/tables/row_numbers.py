"""Columns that number a table's rows: an index that pandas stored, or a first column without a name."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from torchferry.errors import UserError
from torchferry.training.data.tables.gaps import with_gaps
from torchferry.training.data.tables.table_file import Cells
from torchferry.training.data.tables.text_format import ARGUMENTS

UNNAMED = re.compile(r"(Unnamed: \d+)?")
"""A column without a name, and pandas's word for one."""


def without_row_numbers(found: Cells, chosen: list[str], name: str) -> tuple[list[str], list[str]]:
    """Numbers of rows are no feature unless the recipe asks for them; what is left out, in words."""
    notes = [f"'{key}' is the index that pandas stored, and left out" for key in found.index if key in chosen]
    left = [key for key in chosen if key not in found.index]
    for place, column in enumerate(found.columns):
        if column not in chosen or not UNNAMED.fullmatch(column):
            continue
        empty = _is_empty(found.cells[place])
        if not empty and not (place == 0 and _labels_rows(found)):
            what = f"{name}: column {place + 1} has no name and does not number the rows"
            raise UserError(f"{what}; name it in the file, or list {ARGUMENTS}.features")
        what = "is empty" if empty else "numbers the rows"
        notes.append(f"column {place + 1}, which has no name and {what}, is left out")
        left = [key for key in left if key != column]
    return left, notes


def _is_empty(cells: pa.ChunkedArray) -> bool:
    return with_gaps(pa.table({"": cells}), ()).column(0).null_count == len(cells)


def _labels_rows(found: Cells) -> bool:
    """Whether the first column holds another whole number in each row, as pandas writes an index."""
    try:
        numbers = found.cells[0].cast(pa.int64())
    except pa.ArrowException:
        return False
    return pc.count_distinct(numbers).as_py() == len(numbers)
