"""Python's csv.reader, for cells of any length.

Its limit of 131,072 characters a cell is met by a line of very many numbers that is read with a delimiter which the
line does not have. How long a text may be is bounded where it is read.
"""

import csv
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _csv import Reader


def csv_reader(lines: Iterable[str], **dialect: Any) -> "Reader":
    csv.field_size_limit(sys.maxsize)
    return csv.reader(lines, **dialect)
