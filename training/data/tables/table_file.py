"""A table's file, by its content: Parquet, Arrow or Feather, or text such as CSV; compressed or not."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import fsspec
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.tables.text_encoding import uncompressed
from torchferry.training.data.tables.text_format import ARGUMENTS, TextFormat
from torchferry.training.data.tables.text_table import text_table

TEXT = (".csv", ".tsv", ".tab", ".psv", ".txt", ".data", ".dat", "")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")
STORED_INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Columns as a file has them, by their names; text is not yet looked into."""

    columns: list[str]
    cells: list[pa.ChunkedArray]
    index: tuple[str, ...] = ()
    """The columns that pandas stored as the rows' index."""
    place: Callable[[int], str] = lambda row: f"row {row + 1}"
    written: bool = False
    """Whether every cell is text, also numbers and dates."""
    first_line: str = ""
    notes: tuple[str, ...] = ()


def read_file(path: str, form: TextFormat, wanted: Sequence[str]) -> Cells:
    """A local path or any URL of fsspec. Raises UserError for what is no table; `wanted` are columns of it."""
    try:
        with fsspec.open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; {ARGUMENTS}.path names the table") from error
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"{path}: cannot be read: {one_line(error)}") from error
    data, suffix = uncompressed(data, path), _suffix(path)
    reader = next((reader for magic, reader in BINARY.items() if data.startswith(magic)), None)
    if reader is None and suffix not in TEXT:
        known = ", ".join(each for each in TEXT if each)
        raise UserError(f"{path}: is no Parquet and no Arrow file, and its name ends in none of {known}")
    if reader is None:
        found = text_table(data, path, suffix, form, wanted)
        return Cells(written=True, **vars(found))
    form.refuse(f"files of text; {path} is none")
    try:
        table = reader(pa.BufferReader(data))
    except Exception as error:  # pyarrow's own kinds, OSError and more
        raise UserError(f"{path}: cannot be read as a table: {one_line(error)}") from error
    return Cells(columns=table.column_names, cells=table.columns, index=_index(table))


def _suffix(path: str) -> str:
    """In small letters, without a compression's."""
    name = PurePosixPath(re.sub(r"[?#].*", "", path).lower())
    return name.with_suffix("").suffix if name.suffix in PACKED else name.suffix


def _index(table: pa.Table) -> tuple[str, ...]:
    """By pandas's own note in the file, or by the name that it gives to an index without one."""
    note = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    named = [each for each in note.get("index_columns", []) if isinstance(each, str)]
    return tuple(each for each in table.column_names if each in named or STORED_INDEX.fullmatch(each))


BINARY: dict[bytes, Callable[[pa.BufferReader], pa.Table]] = {
    b"PAR1": pyarrow.parquet.read_table,
    b"ARROW1": pyarrow.feather.read_table,
    b"FEA1": pyarrow.feather.read_table,
    b"\xff\xff\xff\xff": lambda data: pa.ipc.open_stream(data).read_all(),
}
