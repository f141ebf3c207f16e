"""A table's columns, and the row of numbers that a network takes of them.

Training makes it, the bundle carries it, and servers read records and lines of text by it. NumPy only: it travels into
archives.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np

from torchferry.contract.cells import CellText, NotACell, read_cells
from torchferry.contract.dates import written
from torchferry.contract.encoders import Encoder, encode, missing_cells
from torchferry.errors import some
from torchferry.nearest import did_you_mean, nearest


class WrongRow(ValueError):
    """A row that the columns cannot be read from; the text says which row and column, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    columns: tuple[Encoder, ...]
    """In the order of the row's numbers, of which a category gives several."""
    text: CellText = field(default_factory=CellText)
    keeps_nan: bool = False
    """Whether the network itself takes NaN, so that a missing number stays one; its columns are then plain numbers."""
    targets: tuple[str, ...] = ()
    """What training's table calls that which is predicted; empty where nobody has said, as in a bundle of before."""
    unread: tuple[str, ...] = ()
    """The other columns of that table, which the network does not take."""

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Self:
        """From what dataclasses.asdict makes of one, with lists for tuples. Raises KeyError and TypeError."""
        columns = [Encoder(**column | {"categories": tuple(column["categories"])}) for column in content["columns"]]
        said = content["text"]
        text = CellText(**said | {"missing_words": tuple(said["missing_words"])})
        others = {key: tuple(content.get(key, ())) for key in ("targets", "unread")}
        return cls(columns=tuple(columns), text=text, keeps_nan=content["keeps_nan"], **others)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' own."""
        return tuple(column.column for column in self.columns)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """What each number of the row is called."""
        return tuple(name for column in self.columns for name in column.names)

    @cached_property
    def known(self) -> tuple[str, ...]:
        """All of training's table."""
        return (*self.names, *self.targets, *self.unread)

    @property
    def takes_missing(self) -> bool:
        """Whether some column's cell may be missing."""
        return any(map(self.may_miss, self.columns))

    def may_miss(self, column: Encoder) -> bool:
        """Whether a cell of one of its columns may be missing."""
        return self.keeps_nan or column.takes_missing

    def check_names(self, given: Collection[str], where: str) -> None:
        """Raises WrongRow for a name that is no column, and for a column that is not given and may not be missing."""
        if unknown := [name for name in given if name not in self.names]:
            if unknown[0] in self.known:
                raise WrongRow(f"{where}: column {self.is_no_input(unknown[0])}; leave it out")
            near = nearest(unknown[0], self.known)
            if near and near not in self.names:
                raise WrongRow(
                    f"{where}: there is no column '{unknown[0][:100]}'; {self.is_no_input(near)}; leave it out"
                )
            hint = did_you_mean(unknown[0], self.names, f"the columns are {some(self.names, 20)}")
            raise WrongRow(f"{where}: there is no column '{unknown[0][:100]}'{hint}")
        if lacking := [each.column for each in self.columns if each.column not in given and not self.may_miss(each)]:
            what = f"column '{lacking[0]}' is" if len(lacking) == 1 else f"columns {some(lacking, 20)} are"
            raise WrongRow(f"{where}: {what} not given, and the model was trained without missing values there")

    def is_no_input(self, name: str) -> str:
        """Why a column of training's table is none of `names`."""
        return f"'{name}' is what the model predicts" if name in self.targets else f"'{name}' is not read by the model"

    def values(
        self, cells: Mapping[str, Sequence[Any]], rows: int, place: Callable[[int], str]
    ) -> tuple[np.ndarray, ...]:
        """What each column's encoder takes, of the cells by column; `place` says where a row stands, from 0.

        A column that is not among `cells` is missing in all rows. Raises WrongRow.
        """
        nothing = [None] * rows
        return tuple(self._column(column, cells.get(column.column, nothing), place) for column in self.columns)

    def encoded(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """float64 [rows, numbers], as training encodes them."""
        return np.stack(values, axis=1) if self.keeps_nan else encode(self.columns, values)

    def unseen(self, values: Sequence[np.ndarray]) -> list[str]:
        """A line for each column with categories that no training row has, which count as none of the known ones."""
        notes = []
        for column, cells in zip(self.columns, values, strict=True):
            if not (new := column.unseen(cells)).any():
                continue
            found = sorted(set(cells[new].tolist()))
            hint = did_you_mean(found[0], column.categories) if len(found) == 1 else ""
            what = some([f"'{value[:50]}'" for value in found])
            notes.append(f"column '{column.column}': no training row has {what}, which counts as no category{hint}")
        return notes

    def with_gaps_filled(self, rows: np.ndarray) -> np.ndarray:
        """[rows, numbers] with what stands for a missing cell wherever a number or a date is NaN.

        Raises WrongRow where nothing stands for it.
        """
        if self.keeps_nan:
            return rows
        rows, at = rows.copy(), 0
        for column in self.columns:
            gaps = np.isnan(rows[:, at])
            if column.kind != "category" and column.takes_missing and gaps.any():
                rows[gaps, at] = column.fill
                if column.indicator:
                    rows[gaps, at + 1] = 1
            at += len(column.names)
        for row, number in np.argwhere(np.isnan(rows))[:1]:
            raise WrongRow(
                f"row {row + 1}: '{self.numbers[number]}' is missing, and the model was trained without missing values "
                "there"
            )
        return rows

    def record(self, row: np.ndarray) -> dict[str, Any]:
        """A record that is encoded as this row of numbers; null where a cell is missing, or its category is none."""
        cells, at = {}, 0
        for column in self.columns:
            numbers = row[at : at + len(column.names)]
            cells[column.column] = _cell(column, numbers)
            at += len(column.names)
        return cells

    def _column(self, column: Encoder, cells: Sequence[Any], place: Callable[[int], str]) -> np.ndarray:
        try:
            values = read_cells(cells, column, self.text)
        except NotACell as error:
            raise WrongRow(f"{place(error.row)}: column '{column.column}' {error}") from error
        gaps = np.flatnonzero(missing_cells(values))
        if len(gaps) and not self.may_miss(column):
            where = f"{place(int(gaps[0]))}: column '{column.column}'"
            raise WrongRow(f"{where} is missing, and the model was trained without missing values there")
        return values


def _cell(column: Encoder, numbers: np.ndarray) -> Any:
    if column.indicator and numbers[-1]:
        return None
    if column.kind == "category":
        return next((each for each, one in zip(column.categories, numbers, strict=False) if one), None)
    if column.kind == "date":
        return written(float(numbers[0]), column.form)
    number = float(str(numbers[0]))  # of a float32 the shortest digits, not a float64's
    return int(number) if number.is_integer() else number
