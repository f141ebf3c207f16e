"""Gaps: the cells of a table that are missing, and the ways in which a recipe may treat them."""

from collections.abc import Iterable
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Missing = Literal["error", "drop", "fill", "indicator"]


def with_gaps(table: pa.Table, words: Iterable[str]) -> pa.Table:
    """Null in each cell that is missing: one of `words`, empty or NaN; text becomes large_string without blanks around.

    Dictionaries are decoded.
    """
    missing = pa.array(["", *words], pa.large_string())
    return pa.table([_column(column, missing) for column in table.columns], names=table.column_names)


def _column(cells: pa.ChunkedArray, missing: pa.Array) -> pa.ChunkedArray:
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if is_text(cells.type):
        cells = pc.utf8_trim_whitespace(cells.cast(pa.large_string()))
        return pc.if_else(pc.is_in(cells, value_set=missing), pa.scalar(None, cells.type), cells)
    if pa.types.is_floating(cells.type):
        return pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    return cells


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
