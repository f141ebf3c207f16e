"""A cell, as text or as JSON has it, to the value that its column's encoder takes."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.contract.dates import seconds_of
from torchferry.contract.encoders import Encoder
from torchferry.contract.missing_words import WORDS
from torchferry.contract.signs import TRUTH, Signs

OTHERS = (Signs(",", "."), Signs(".", ","))
"""Ways to write numbers that a file may have, and training had not."""


class NotACell(ValueError):
    """What stands in a cell is not what its column holds; the text says what it is and what would be right."""

    row = 0
    """Which of several cells, from 0."""


@dataclass(frozen=True, kw_only=True)
class CellText:
    """How the text in a cell is read: as training's reader did."""

    missing_words: tuple[str, ...] = WORDS
    """An empty cell is missing whatever the words are."""
    decimal: str = "."
    thousands: str | None = None

    @property
    def signs(self) -> Signs:
        return Signs(self.decimal, self.thousands)

    def is_missing(self, cell: Any) -> bool:
        """None and NaN are, and so are an empty text and the words for it."""
        if isinstance(cell, str):
            return (text := cell.strip()) == "" or text in self.missing_words
        return cell is None or (isinstance(cell, float) and math.isnan(cell))

    def number(self, cell: Any) -> float:
        """NaN for a missing cell; 1 and 0 for true and false. Raises NotACell."""
        if self.is_missing(cell):
            return math.nan
        try:
            found = _number(cell.strip(), self.signs) if isinstance(cell, str) else float(_scalar(cell))
        except OverflowError:  # a whole number of hundreds of digits
            found = math.inf
        if found is None:
            raise NotACell(f"is {_shown(cell)}; a number is expected{self._other_signs(cell)}")
        if math.isinf(found):
            raise NotACell(f"is {_shown(cell)}; every number must be a finite one")
        return found

    def _other_signs(self, cell: str) -> str:
        """What is said of the signs, where it would be a number with others."""
        if all(_number(cell.strip(), others) is None for others in OTHERS):
            return ""
        return f", with {self.signs}" + ("" if self.thousands else " and no sign between thousands")

    def date(self, cell: Any, form: str | None) -> float:
        """Seconds since 1970, NaN for a missing cell. Raises NotACell."""
        if self.is_missing(cell):
            return math.nan
        found = seconds_of(cell.strip(), form) if isinstance(cell, str) else None
        if found is None:
            wanted = f"a date as {form} says" if form else "a date such as 2026-01-31 or 2026-01-31T12:30:00Z"
            raise NotACell(f"is {_shown(cell)}; {wanted} is expected")
        return found

    def category(self, cell: Any, known: Collection[str]) -> str | None:
        """Its text, None for a missing cell. A number of JSON is the category that training wrote so.

        Raises NotACell.
        """
        if self.is_missing(cell):
            return None
        ways = [cell.strip()] if isinstance(cell, str) else _ways(_scalar(cell))
        return next((way for way in ways if way in known), ways[0])


def read_cells(cells: Sequence[Any], of: Encoder, text: CellText) -> np.ndarray:
    """What the encoder takes: float64 [rows], or for a category object [rows] of text and None.

    Raises NotACell, which says the row.
    """
    if of.kind == "category":
        values, known = np.empty(len(cells), object), frozenset(of.categories)
        values[:] = _each(cells, lambda cell: text.category(cell, known))
        return values
    if of.kind == "date":
        return np.array(_each(cells, lambda cell: text.date(cell, of.form)), np.float64)
    return np.array(_each(cells, text.number), np.float64)


def _each(cells: Sequence[Any], read: Callable[[Any], float | str | None]) -> list[Any]:
    values = []
    for row, cell in enumerate(cells):
        try:
            values.append(read(cell))
        except NotACell as error:
            error.row = row
            raise
    return values


def _number(text: str, signs: Signs) -> float | None:
    return TRUTH[text] if text in TRUTH else signs.number(text)


def _ways(cell: bool | int | float) -> list[str]:
    """How training may have written a number or a truth value as a category: whole numbers have no point, unless some
    number of the column has one."""
    if isinstance(cell, bool):
        return [str(cell), str(cell).lower()]
    if isinstance(cell, int):
        return [str(cell), f"{cell}.0"]
    return [str(int(cell)), str(cell)] if cell.is_integer() else [str(cell)]


def _scalar(cell: Any) -> Any:
    if not isinstance(cell, bool | int | float):
        raise NotACell(f"is {_shown(cell)}; a cell is a number, text, true, false or null")
    return cell


def _shown(cell: Any) -> str:
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= 60 else f"{text[:57]}..."
