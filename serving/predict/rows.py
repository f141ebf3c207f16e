"""The rows of a table's file: lines of values with commas or tabs, with or without a line of column names."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from torchferry.errors import UserError
from torchferry.serving.predict.sample import Sample

MISSING = ("", "nan", "null", "none", "na", "n/a")
"""Words that stand for no value and so are no column's name."""


def rows(lines: Iterable[str], source: str, say: Callable[[str], None]) -> Iterator[Sample]:
    """A sample for each row, sent with commas. A first line without any number in it is taken for the columns' names;
    which it is taken for is said. Raises UserError for what is no text of rows."""
    given = iter(lines)
    try:
        first = next(given, "")
        delimiter = "\t" if "\t" in first else ","
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
    """Whether a table's first line is one of names: none of them is a number or missing, and no two are the same."""
    words = [cell.strip() for cell in cells]
    return len(set(words)) == len(words) and not any(word.lower() in MISSING or _is_number(word) for word in words)


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
