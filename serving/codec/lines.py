"""Lines of text to cells, such as a CSV file's."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from torchferry.contract.image_formats import HEAD, is_picture
from torchferry.csv_reader import csv_reader
from torchferry.serving.errors import NotDecodable, TooLarge

NEITHER = "the body is neither JSON nor lines of numbers with commas"
UNCLOSED = "unexpected end of data"
"""What csv says where a quoted cell does not end."""
DELIMITERS = ",;\t|"
MAX_CELLS = 2**21
UNNAMED = re.compile(r"(Unnamed: \d+)?")
"""A column without a name, and pandas's word for one."""


@dataclass(frozen=True)
class Lines:
    cells: list[list[str]]
    """Of each line that has any; none are empty lists."""
    numbers: list[int]
    """Which line of the text each begins in, from 1."""

    def place(self, row: int) -> str:
        return f"line {self.numbers[row]}"

    @property
    def first(self) -> list[str]:
        """The cells of the first line, without blanks around."""
        return [cell.strip() for cell in self.cells[0]]

    @property
    def behind_first(self) -> "Lines":
        return Lines(self.cells[1:], self.numbers[1:])

    def without_unnamed(self, known: Collection[str]) -> tuple["Lines", tuple[str, ...]]:
        """Without columns that have no name, and number the rows or are empty, as training leaves them out; and what
        was left out, in words. `known` are names all the same."""
        left: dict[int, str] = {}
        first, alike = self.first, self._are_of_one_length
        for place, name in enumerate(first):
            if name in known or not UNNAMED.fullmatch(name):
                continue
            if place == 0 and self._counts():
                left[place] = "numbers the rows"
            elif alike and not any(cells[place].strip() for cells in self.cells[1:]):
                left[place] = "is empty"
        kept = [[cell for place, cell in enumerate(cells) if place not in left] for cells in self.cells]
        notes = (f"column {place + 1}, which has no name and {why}, is left out" for place, why in left.items())
        return Lines(kept, self.numbers), tuple(notes)

    def _counts(self) -> bool:
        """Whether the first column holds another whole number in each row, as pandas writes an index."""
        counted = [cells[0].strip() for cells in self.cells[1:]]
        return len({*counted}) == len(counted) and all(cell.isdecimal() for cell in counted)

    @property
    def _are_of_one_length(self) -> bool:
        """Where a row has another number of cells, which one it lacks is not known."""
        return all(len(cells) == len(self.cells[0]) for cells in self.cells)


def read_lines(body: bytes, widths: Collection[int], names: Collection[str] = (), most: int = MAX_CELLS) -> Lines:
    """Cells between the delimiter, of , ; tab and |, that gives the first line most of the `names`, or else as many
    cells as one of the `widths`, or else most cells.

    At most so many lines. Raises NotDecodable, and TooLarge before the cells are made.
    """
    text = _text(body)
    # An empty cell has one byte, and its place in a list eight.
    if sum(map(text.count, "\n\r" + DELIMITERS)) > MAX_CELLS:
        raise TooLarge(f"the body has more than {MAX_CELLS:,} cells")
    if not text.strip():
        return Lines([], [])
    try:
        firsts = {delimiter: next(_records(text, delimiter), None) for delimiter in DELIMITERS}
        best = max(firsts, key=lambda each: _fit(firsts[each], widths, names))
        records = list(islice(_records(text, best, strict=True), most + 1))
    except csv.Error as error:
        said = "a quote is opened and never closed" if str(error) == UNCLOSED else error
        raise NotDecodable(f"{NEITHER}: {said}") from error
    if len(records) > most:
        raise TooLarge(f"the body has more than {most:,} lines; {most:,} are allowed")
    return Lines([cells for _, cells in records], [number for number, _ in records])


def _text(body: bytes) -> str:
    if is_picture(body[:HEAD]):
        raise NotDecodable("the body is a picture, and the model takes none; send JSON or lines of numbers with commas")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        where = f"line {line} has the byte 0x{body[error.start]:02x}"
        raise NotDecodable(f"{NEITHER}: {where}, which is not UTF-8; save it as UTF-8") from error


def _fit(first: tuple[int, list[str]] | None, widths: Collection[int], names: Collection[str]) -> tuple[int, bool, int]:
    cells = [cell.strip() for cell in first[1]] if first else []
    return sum(cell in names for cell in cells), len(cells) in widths, len(cells)


def _records(text: str, delimiter: str, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The line that each begins in, and its cells; lines without any are passed over. Raises csv.Error, if it is
    `strict` also for a quote that is never closed, which would take all that follows into its cell."""
    reader, begins = csv_reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict), 1
    for cells in reader:
        if cells:
            yield begins, cells
        begins = reader.line_num + 1
