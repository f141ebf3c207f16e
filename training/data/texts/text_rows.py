"""Texts and what is said of them, as a file or a folder has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

ARGS = "data.source.args"


@dataclass(frozen=True, kw_only=True)
class TextRows:
    name: str
    """The file or folder."""
    texts: Sequence[Any]
    """Strings; None where there is none."""
    said: Sequence[Any]
    """Of each text its target, as it is written."""
    where: Callable[[int], str]
    """File and place of a text, for messages."""
    tested: Sequence[bool] | None = None
    """Whether it belongs to the test set, where rows say so."""
    unread: dict[int, str] = field(default_factory=dict)
    """Why a text could not be read, by its number."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def taken(self, rows: Sequence[int]) -> "TextRows":
        """Some of them."""
        numbers = {row: number for number, row in enumerate(rows)}
        return replace(
            self,
            texts=[self.texts[row] for row in rows],
            said=[self.said[row] for row in rows],
            where=lambda number: self.where(rows[number]),
            tested=None if self.tested is None else [self.tested[row] for row in rows],
            unread={numbers[row]: why for row, why in self.unread.items() if row in numbers},
        )


def joined(train: TextRows, test: TextRows) -> TextRows:
    """Rows to train on, and rows to test on behind them."""
    count = len(train)
    return replace(
        train,
        texts=[*train.texts, *test.texts],
        said=[*train.said, *test.said],
        where=lambda row: train.where(row) if row < count else test.where(row - count),
        tested=[False] * count + [True] * len(test),
        unread=train.unread | {count + row: why for row, why in test.unread.items()},
        notes=tuple(dict.fromkeys((*train.notes, *test.notes))),
    )
