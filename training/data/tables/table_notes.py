"""Says what had to be assumed of a table's columns."""

import re
from collections.abc import Sequence

import numpy as np

from torchferry.contract.encoders import Encoder
from torchferry.errors import some
from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.text_format import shortened

IDENTIFIER = re.compile(r"(?i:(.*[_ ])?(id|index|idx|row|nr|no))|.*[a-z]I[dD]")
MOST = 10


def notes_of(features: Sequence[Column], encoders: Sequence[Encoder]) -> list[str]:
    """A line for each thing that may be meant otherwise; the columns' names in it."""
    found = {
        "categories": [f"{each.column} ({len(each.categories)})" for each in encoders if each.kind == "category"],
        "dates, read as seconds since 1970": [each.name for each in features if each.kind == "date"],
        "the same in every row": [each.name for each in features if _is_constant(each)],
        "features although they number the rows (columns_as may say ignore)": [
            each.name for each in features if _numbers_rows(each)
        ],
    }
    notes = [f"{_listed(names)}: {what}" for what, names in found.items() if names]
    for encoder, column in zip(encoders, features, strict=True):
        unseen = encoder.unseen(column.values)
        if unseen.any():
            values = sorted({str(value) for value in column.values[unseen]})
            notes.append(
                f"{column.name}: {unseen.sum()} cells have a value that no training row has, "
                f"and are no category: {_listed(values)}"
            )
    return notes


def _is_constant(column: Column) -> bool:
    there = column.values[~column.missing]
    return len(there) > 0 and bool((there == there[0]).all())


def _numbers_rows(column: Column) -> bool:
    """Whether a column that is named like it counts from 0 or 1."""
    if column.kind != "number" or not IDENTIFIER.fullmatch(column.name) or len(column.values) < 2:
        return False
    return bool(column.values[0] in (0, 1) and (np.diff(column.values) == 1).all())


def _listed(names: Sequence[str]) -> str:
    return some([*map(shortened, names)], MOST)
