"""Texts that are asked about: a file each, a line each, or a column of a table. Each is sent as an instance of JSON."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator

from torchferry.contract.text import NotAText, read_text
from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.codec.text_bodies import TEXT
from torchferry.serving.predict.rows import delimiter_of
from torchferry.serving.predict.sample import Sample


def text_of(data: bytes, source: str) -> Sample:
    """A file that is one text."""
    try:
        return _sample(source, None, read_text(data))
    except NotAText as error:
        return Sample(source, None, "wrong", f"the text {error}".encode())


def lines_of(lines: Iterable[str], source: str, say: Callable[[str], None]) -> Iterator[Sample]:
    """A text for each line that is not empty; its row is the line's number. Raises UserError."""
    say(f"{source}: each line is taken for a text")
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _sample(source, number, line.rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: is not UTF-8 ({error})") from error


def texts_of_table(lines: Iterable[str], source: str, column: str) -> Iterator[Sample]:
    """A text for each row, of the column of that name. Raises UserError."""
    try:
        given = list(lines)
        read = csv_reader(given, delimiter=delimiter_of(given[:20]), strict=True)
        head = [cell.strip() for cell in next(read, [])]
        if column not in head:
            hint = did_you_mean(column, head, f"it has {some(head) or 'no line'}")
            raise UserError(f"{source}: has no column '{column}'{hint}; --text-column says which holds the texts")
        place = head.index(column)
        for number, cells in enumerate((cells for cells in read if cells), 1):
            if place < len(cells):
                yield _sample(source, number, cells[place])
            else:
                yield Sample(source, number, "wrong", f"has no cell for '{column}'".encode())
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{source}: cannot be read as a table in UTF-8 ({error})") from error


def _sample(source: str, row: int | None, text: str) -> Sample:
    return Sample(source, row, "instance", json.dumps({TEXT: text}).encode())
