"""The format of a table of text: what the recipe says of it, and what is found from the file.

What is found has to be the only possibility; otherwise the file is refused, with the possibilities named.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError

DELIMITERS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", " ": "blanks"}
WORDS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
ARGUMENTS = "data.source.args"
HEAD = 1 << 16
"""Characters that a delimiter is found from."""


@dataclass(frozen=True)
class TextFormat:
    """What a recipe says of it; None is found from the file.

    Args:
        delimiter: Of a file of text, as the rest: one character, or tab, space (any number of blanks), comma,
            semicolon or pipe; null finds it.
        decimal: The decimal sign.
        thousands: The sign between thousands.
        comment: The sign from which a line is left out; '' leaves nothing out.
        quote: The quotation mark; null is ", and '' is none.
        header: Names of the columns where a file has none; or whether its first row has them, false names them x0,
            x1 ...
        encoding: Such as utf-8 or latin-1.
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    comment: str | None = None
    quote: str | None = None
    header: list[str] | bool | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        for key in ("decimal", "thousands", "comment", "quote"):
            value = getattr(self, key)
            if (value is not None and len(value) > 1) or (value == "" and key in ("decimal", "thousands")):
                raise UserError(f"{ARGUMENTS}.{key}: '{value}' is not one character")
        if self.delimiter is not None and len(WORDS.get(self.delimiter, self.delimiter)) != 1:
            words = ", ".join(word for word in WORDS if word != "\\t")
            raise UserError(f"{ARGUMENTS}.delimiter: '{self.delimiter}' is not one character, nor one of {words}")
        if self.decimal is not None and self.decimal == self.thousands:
            raise UserError(f"{ARGUMENTS}.thousands: is '{self.thousands}', as decimal is")

    def refuse(self, purpose: str) -> None:
        """Raises UserError for an argument that is given."""
        for key, value in vars(self).items():
            if value is not None:
                raise UserError(f"{ARGUMENTS}.{key}: is for {purpose}")


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    quote: str

    def records(self, text: str) -> Iterator[tuple[int, list[str], int]]:
        """The line each begins in, its cells, and where in `text` it ends; lines without text are passed over."""
        lines = io.StringIO(text, newline="")
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        reader = csv_reader(lines, delimiter=self.delimiter, quotechar=self.quote or None, quoting=quoting)
        begins = 1
        for cells in reader:
            if cells:
                yield begins, cells, lines.tell()
            begins = reader.line_num + 1


def comment_of(text: str, given: TextFormat, wanted: Sequence[str], name: str) -> str:
    """The character that comments begin with, '' for none: '#' if the first lines begin so and the columns' names
    come after them."""
    if given.comment is not None:
        return given.comment
    lines = [line for line in text[:HEAD].splitlines() if line.strip()]
    after = next((line for line in lines if not line.startswith("#")), "")
    if not lines or not lines[0].startswith("#"):
        return ""
    if given.header is None and all(column in after for column in wanted):
        return "#"
    found = f"its first line, '{shortened(lines[0])}', begins with '#'"
    raise UserError(f"{name}: {found}; {ARGUMENTS}.comment '#' leaves such lines out, '' keeps them")


def delimiter_of(text: str, suffix: str, given: TextFormat, wanted: Sequence[str], name: str) -> str:
    """The one that gives every line of the file's beginning as many cells and the columns that the recipe names."""
    if given.delimiter is not None:
        return WORDS.get(given.delimiter, given.delimiter)
    if marked := re.match(r'"?sep=(.)"?\r?\n', text):  # Excel's own line
        return marked[1]
    default = {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(suffix, ",")
    heads = {delimiter: _head(text, Dialect(delimiter, quote_of(given))) for delimiter in ",;\t|"}
    splits = [delimiter for delimiter, rows in heads.items() if rows and len(rows[0]) > 1]
    if not splits:  # a blank is part of many names, and separates only what nothing else does
        heads[" "] = _head(single_blanks(text, quote_of(given)), Dialect(" ", quote_of(given)))
        widths = {len(row) for row in heads[" "]}
        splits = [" "] if len(widths) == 1 and max(widths) > 1 else []
    if given.header in (None, True):
        splits = [each for each in splits if {*wanted} <= {cell.strip() for cell in heads[each][0]}] or splits
    even = [each for each in splits if {len(row) for row in heads[each][1:]} <= {len(heads[each][0])}]
    fits = even or splits
    if len(fits) == 1:
        return fits[0]
    if not even and default in fits:
        return default  # the line that is longer or shorter is named later
    first = shortened(text.lstrip().partition("\n")[0].strip())
    if not fits:
        what = f"none of {', '.join(DELIMITERS.values())} separates cells in its first line, '{first}'"
        raise UserError(f"{name}: {what}; give {ARGUMENTS}.delimiter")
    possible = " or ".join(DELIMITERS[each] for each in fits)
    raise UserError(f"{name}: its cells may be separated by {possible} ('{first}'); give {ARGUMENTS}.delimiter")


def quote_of(given: TextFormat) -> str:
    return '"' if given.quote is None else given.quote


def without_comments(text: str, comment: str, quote: str) -> str:
    """Each comment taken out, but not the end of its line, so that lines keep their numbers."""
    if not comment or comment not in text:
        return text
    quoted, kept = False, []
    for line in io.StringIO(text, newline=""):
        if comment in line:
            line = _cut(line, comment, quote, quoted)
        quoted ^= bool(quote) and line.count(quote) % 2 == 1
        kept.append(line)
    return "".join(kept)


def single_blanks(text: str, quote: str) -> str:
    """Between cells, and none around a line; for cells that blanks separate, and none is quoted."""
    if quote and quote in text:
        return text
    return re.sub(r"(?m)^ | (?=[\r\n]|$)", "", re.sub(r"[ \t]+", " ", text))


def shortened(text: str) -> str:
    """For a message of one line."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _cut(line: str, comment: str, quote: str, quoted: bool) -> str:
    for place, character in enumerate(line):
        if quote and character == quote:
            quoted = not quoted
        elif character == comment and not quoted:
            end = line[len(line.rstrip("\r\n")) :]
            return line[:place].rstrip() + end
    return line


def _head(text: str, dialect: Dialect) -> list[list[str]]:
    rows = [cells for _, cells, _ in dialect.records(text[:HEAD])]
    return rows[:-1] if len(text) > HEAD and len(rows) > 1 else rows  # the last one may be cut
