"""A table of text, such as a CSV file: its columns, every cell as text, and the line that a row begins in."""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.tables.text_encoding import decoded
from torchferry.training.data.tables.text_format import (
    ARGUMENTS,
    DELIMITERS,
    Dialect,
    TextFormat,
    comment_of,
    delimiter_of,
    quote_of,
    shortened,
    single_blanks,
    without_comments,
)

BLOCK = 16 << 20
"""Bytes that are parsed at once; a row may be of any two blocks."""
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TextTable:
    columns: list[str]
    cells: list[pa.ChunkedArray]
    """Of each column, text [rows]."""
    place: Callable[[int], str]
    """Where a row stands, from 0: 'line 7'."""
    first_line: str
    notes: tuple[str, ...]
    """What was found and is not a CSV file's usual way."""


def text_table(data: bytes, name: str, suffix: str, given: TextFormat, wanted: Sequence[str]) -> TextTable:
    """`wanted` are columns that the recipe names. Raises UserError for what is no table, or may be several."""
    text = decoded(data, given.encoding, name).rstrip("\r\n \x1a")
    if not text.strip():
        raise UserError(f"{name}: has no rows")
    comment = comment_of(text, given, wanted, name)
    text = without_comments(text, comment, quote_of(given))
    dialect = Dialect(delimiter_of(text, suffix, given, wanted, name), quote_of(given))
    text = re.sub(r'\A"?sep=."?(?=\r?\n)', "", text)
    if dialect.delimiter == " ":
        text = single_blanks(text, dialect.quote)
    head = list(itertools.islice(dialect.records(text), 2))
    if not head:
        raise UserError(f"{name}: has no rows")
    columns, begins = _header(head, given, name)
    body = text[begins:]
    lines_before = text.count("\n", 0, begins) or text.count("\r", 0, begins)
    _check_closed(body, dialect, lines_before, name)
    cells = _parsed(body, len(columns), dialect, lines_before, name)

    def place(row: int) -> str:
        line = next(itertools.islice(dialect.records(body), row, None))[0]
        return f"line {line + lines_before}"

    notes = []
    if given.delimiter is None and dialect.delimiter != {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(suffix, ","):
        notes.append(f"cells are separated by {DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))}")
    if given.comment is None and comment:
        notes.append(f"what comes after '{comment}' is a comment")
    first_line = shortened(dialect.delimiter.join(head[0][1]))
    return TextTable(columns=columns, cells=cells, place=place, first_line=first_line, notes=tuple(notes))


def _header(head: list[tuple[int, list[str], int]], given: TextFormat, name: str) -> tuple[list[str], int]:
    """The columns' names, and where in the text the first row begins."""
    (_, first, ends), second = head[0], head[1][1] if len(head) > 1 else None
    names = [cell.strip() for cell in first]
    if isinstance(given.header, list):
        if names == given.header:
            raise UserError(f"{ARGUMENTS}.header: is the first line of {name} already; leave it out")
        if len(given.header) != len(first):
            raise UserError(f"{ARGUMENTS}.header: has {len(given.header)} names; {name} has {len(first)} columns")
        return list(given.header), 0
    if given.header is False:
        return [f"x{index}" for index in range(len(first))], 0
    if given.header is None and all(NUMBER.fullmatch(cell) for cell in names):
        found = f"its first line, '{shortened(','.join(names))}', is all numbers"
        todo = f"name its {len(names)} columns in {ARGUMENTS}.header; or false for x0, x1 ..., true if these are names"
        raise UserError(f"{name}: {found}; {todo}")
    if second is not None and len(second) == len(names) + 1 and not second[-1].strip():
        names.append("")  # each row, but not this line, ends with a delimiter
    elif second is not None and len(second) == len(names) - 1 and not names[-1]:
        names.pop()
    return names, ends


def _parsed(body: str, columns: int, dialect: Dialect, lines_before: int, name: str) -> list[pa.ChunkedArray]:
    names = [str(index) for index in range(columns)]
    if not body.strip():
        return [pa.chunked_array([pa.array([], pa.string())]) for _ in names]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(body.encode()),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=BLOCK),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=bool(dialect.quote)
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        for line, cells, _ in dialect.records(body):
            if len(cells) != columns:
                found = (
                    f"line {line + lines_before} has {len(cells)} cells, '{shortened(dialect.delimiter.join(cells))}'"
                )
                raise UserError(f"{name}: {found}; there are {columns} columns") from error
        raise UserError(f"{name}: cannot be read as a table of text: {one_line(error)}") from error
    return table.columns


def _check_closed(body: str, dialect: Dialect, lines_before: int, name: str) -> None:
    """A quote that is never closed would take all that follows into one cell."""
    if not dialect.quote or body.count(dialect.quote) % 2 == 0:
        return
    for line, cells, ends in dialect.records(body):
        if ends == len(body) and "\n" in cells[-1] and not body.endswith(dialect.quote):
            raise UserError(f"{name}: a quote {dialect.quote} that opens in line {line + lines_before} is never closed")
