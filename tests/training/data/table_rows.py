"""Tables for the tests of what is made from them."""

from typing import Any

import pyarrow as pa

from torchferry.contract.missing_words import WORDS
from torchferry.training.data.tables.gaps import with_gaps
from torchferry.training.data.tables.table_reader import Selection, Table

ALL = Selection(features=None, columns_as={}, missing_words=WORDS)


def table_of(written: bool = False, target: Any = None, **columns: Any) -> Table:
    """A table named rows of these columns; of text alone if it is `written`, as a CSV file is."""
    if written:
        columns = {key: [None if cell is None else str(cell) for cell in cells] for key, cells in columns.items()}
    features = with_gaps(pa.table(columns), WORDS)
    targets = with_gaps(pa.table({"y": target if target is not None else [0] * len(features)}), WORDS)
    return Table(name="rows", features=features, targets=targets, written=written)
