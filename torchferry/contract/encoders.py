"""From a column's cells to the numbers that a network takes, by tables that were made from the training rows.

Nothing but NumPy is needed to apply them; encoder_fit.py makes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from torchferry.errors import UserError

Kind = Literal["number", "date", "category"]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Of one column. It gives the column itself, or a column of 0 and 1 for each category, as OneHotEncoder does."""

    column: str
    """Its name in the table."""
    kind: Kind = "number"
    """date: seconds since 1970, UTC where there is no zone."""
    form: str | None = None
    """Of dates that are not ISO 8601's: the signs of strptime."""
    categories: tuple[str, ...] = ()
    """Sorted. A cell that is none of them gives zeros alone."""
    fill: float | str | None = None
    """What stands for a missing cell: the training rows' median, or their most frequent category."""
    indicator: bool = False
    """Whether a last column says with 1 that the cell is missing."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that it gives."""
        own = [self.column] if self.kind != "category" else [f"{self.column}={value}" for value in self.categories]
        return (*own, *([f"{self.column} is missing"] if self.indicator else []))

    @property
    def is_plain(self) -> bool:
        """Whether a number stays the number that it is."""
        return self == Encoder(column=self.column)

    @property
    def takes_missing(self) -> bool:
        """Whether something stands for a missing cell."""
        return self.fill is not None or self.indicator

    def encode(self, values: np.ndarray) -> np.ndarray:
        """float64 [rows, names] of float64 [rows], NaN where a cell is missing; or of text [rows] and None.

        Raises UserError for a missing cell that nothing stands for.
        """
        missing = missing_cells(values)
        if missing.any() and not self.takes_missing:
            raise UserError(f"column '{self.column}' has missing values, and the model was trained without any")
        if self.fill is not None:
            values = np.where(missing, np.array(self.fill, values.dtype), values)
        columns = [values] if self.kind != "category" else [values == category for category in self.categories]
        return np.stack([*columns, *([missing] if self.indicator else [])], axis=1).astype(np.float64)

    def unseen(self, values: np.ndarray) -> np.ndarray:
        """bool [rows]: cells whose category no training row has."""
        if self.kind != "category":
            return np.zeros(len(values), bool)
        return ~missing_cells(values) & ~np.isin(values.astype(str), self.categories)


def encode(encoders: Sequence[Encoder], columns: Sequence[np.ndarray]) -> np.ndarray:
    """float64 [rows, all names] of the encoders' columns, in their order."""
    return np.concatenate([each.encode(values) for each, values in zip(encoders, columns, strict=True)], axis=1)


def missing_cells(values: np.ndarray) -> np.ndarray:
    """bool [rows]"""
    return np.isnan(values) if values.dtype.kind == "f" else np.array([value is None for value in values], bool)
