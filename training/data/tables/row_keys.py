"""Hashes of a table's rows: of what they hold, whatever their order, the columns' order and Python's own seed."""

from collections.abc import Sequence

import numpy as np

from torchferry.training.data.membership import key_of
from torchferry.training.data.seeding import mixed
from torchferry.training.data.tables.columns import Column

MISSING = np.uint64(0x243F6A8885A308D3)
"""Some number of 64 bits; these are pi's."""


def row_keys(columns: Sequence[Column]) -> np.ndarray:
    """uint64 [rows]; equal rows have equal keys. Numbers count as float64, and -0.0 as 0.0."""
    keys = np.zeros(len(columns[0].values), np.uint64)
    for column in columns:
        # Mixed with the column's name, so that the same cell in another column is something else.
        keys += mixed(_cells(column) + _of_text(column.name))
    return mixed(keys)


def _cells(column: Column) -> np.ndarray:
    if column.values.dtype.kind == "f":
        hashes = mixed((column.values + 0.0).view(np.uint64))  # -0.0 + 0.0 is 0.0
    else:
        found, indices = np.unique(np.where(column.missing, "", column.values).astype(str), return_inverse=True)
        hashes = np.array([_of_text(text) for text in found.tolist()], np.uint64)[indices]
    return np.where(column.missing, MISSING, hashes)


def _of_text(text: str) -> np.uint64:
    return np.uint64(key_of(text.encode()))
