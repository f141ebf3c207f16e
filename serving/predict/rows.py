"""The rows of a table's file: lines of values with commas or tabs, with or without a line of column names."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from torchferry.errors import UserError
from torchferry.serving.predict.sample import Sample

DELIMITERS = "\t;|,"
"""By preference: a comma may stand in a number."""
MISSING = ("", "nan", "null", "none", "na", "n/a")
"""Words that stand for no value."""


def rows(lines: Iterable[str], source: str, say: Callable[[str], None]) -> Iterator[Sample]:
    """A sample for each row, sent with commas. A first line with a word that is no number is taken for the columns'
    names, without which no server takes words; which it is taken for is said.

    Raises UserError for what is no text of rows.
    """
    given = iter(lines)
    try:
        first = next(given, "")
        delimiter = next((sign for sign in DELIMITERS if sign in first), ",")
        read = csv.reader(chain([first], given), delimiter=delimiter, strict=True)
        table = (row for row in read if row)
        head = next(table, None)
        if head is None:
            raise UserError(f"{source}: is empty; give a file of rows with commas or tabs")
        names = _written(head) if are_names(head) else b""
        say(f"{source}: its first line is taken for " + ("the columns' names" if names else "a sample, not for names"))
        for number, row in enumerate(table if names else chain([head], table), 1):
            yield Sample(source, number, "row", _written(row), names)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{source}: cannot be read as lines of values with commas or tabs ({error})") from error


def are_names(cells: Sequence[str]) -> bool:
    """Whether a table's first line is one of names: not all of it is numbers or missing."""
    return any(not (word.lower() in MISSING or _is_number(word)) for word in map(str.strip, cells))


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
