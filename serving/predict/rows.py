"""The rows of a table's file: lines of values with commas or tabs, with or without a line of column names."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError
from torchferry.serving.predict.sample import Sample

DELIMITERS = "\t;|,"
"""By preference: a comma may stand in a number."""
LOOKED_AT = 20
"""Lines that the delimiter is found in."""
MISSING = ("", "nan", "null", "none", "na", "n/a")
"""Words that stand for no value."""


def rows(lines: Iterable[str], source: str, say: Callable[[str], None]) -> Iterator[Sample]:
    """A sample for each row, sent with commas. A first line with a word that is no number is taken for the columns'
    names, without which no server takes words; which it is taken for is said, and why.

    Raises UserError for what is no text of rows.
    """
    given = iter(lines)
    try:
        first = list(islice(given, LOOKED_AT))
        read = csv_reader(chain(first, given), delimiter=delimiter_of(first), strict=True)
        table = (row for row in read if row)
        head = next(table, None)
        if head is None:
            raise UserError(f"{source}: is empty; give a file of rows with commas or tabs")
        word = word_in(head)
        names = b"" if word is None else _written(head)
        say(f"{source}: its first line is taken for {_said(word)}")
        for number, row in enumerate(table if names else chain([head], table), 1):
            yield Sample(source, number, "row", _written(row), names)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{source}: cannot be read as lines of values with commas or tabs ({error})") from error


def delimiter_of(lines: Sequence[str]) -> str:
    """The one that gives most lines as many cells as the first, more than one; a comma where none does."""
    agreement = {sign: _agreement(lines, sign) for sign in DELIMITERS}
    best = max(agreement, key=agreement.__getitem__)
    return best if agreement[best] else ","


def _agreement(lines: Sequence[str], delimiter: str) -> float:
    """The share of lines, 0..1, that have as many cells as the first; 0 where that has one."""
    counts = [len(cells) for cells in csv_reader(lines, delimiter=delimiter) if cells]
    if not counts or counts[0] == 1:
        return 0.0
    return counts.count(counts[0]) / len(counts)


def word_in(cells: Sequence[str]) -> str | None:
    """What makes a table's first line one of names: the first cell that is no number and not missing."""
    words = map(str.strip, cells)
    return next((word for word in words if not (word.lower() in MISSING or _is_number(word))), None)


def _said(word: str | None) -> str:
    return "a sample, not for names" if word is None else f"the columns' names, as '{word[:50]}' is no number"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _written(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
