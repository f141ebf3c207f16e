"""A table's file is known by its content, whatever its name."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.table_file import Cells, read_file
from torchferry.training.data.tables.text_format import TextFormat

CSV = b"a,y\n1,2\n3,4\n"
TABLE = pa.table({"a": [1, 3], "y": [2, 4]})


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)
    return held.getvalue()


def written(file: Path, content: bytes) -> Cells:
    file.write_bytes(content)
    return read_file(str(file), TextFormat(), ["y"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", CSV),
        ("t.CSV", CSV),
        ("t.tsv", CSV.replace(b",", b"\t")),
        ("t.tab", CSV.replace(b",", b"\t")),
        ("t.txt", CSV.replace(b",", b"|")),
        ("t.data", CSV),
        ("t", CSV),
        ("t.csv.gz", gzip.compress(CSV, mtime=0)),
        ("t.csv.bz2", bz2.compress(CSV)),
        ("t.csv.xz", lzma.compress(CSV)),
        ("t.csv.zst", pa.Codec("zstd").compress(CSV).to_pybytes()),
        ("t.csv.zip", zipped("t.csv")),
        ("t.csv", gzip.compress(CSV, mtime=0)),
    ],
)
def test_text_is_read_compressed_or_not(name: str, content: bytes, tmp_path: Path) -> None:
    found = written(tmp_path / name, content)
    assert (found.columns, found.written) == (["a", "y"], True)
    assert [cells.to_pylist() for cells in found.cells] == [["1", "3"], ["2", "4"]]
    assert found.place(1) == "line 3"


@pytest.mark.parametrize("name", ["t.parquet", "t.PQ", "t.csv", "part-0001"])
def test_parquet_is_known_by_its_first_bytes(name: str, tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "made")
    found = written(tmp_path / name, (tmp_path / "made").read_bytes())
    assert (found.columns, found.written, found.place(1)) == (["a", "y"], False, "row 2")
    assert [cells.to_pylist() for cells in found.cells] == [[1, 3], [2, 4]]


def test_arrow_files_and_streams_and_feather_are_read(tmp_path: Path) -> None:
    pa.feather.write_feather(TABLE, str(tmp_path / "t.feather"))
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    for name in ("t.feather", "t.arrow"):
        assert read_file(str(tmp_path / name), TextFormat(), ["y"]).columns == ["a", "y"]


def test_any_file_system_of_fsspec_is_read() -> None:
    fsspec.filesystem("memory").pipe("/tables/t.csv", CSV)
    assert read_file("memory://tables/t.csv", TextFormat(), ["y"]).columns == ["a", "y"]


@pytest.mark.parametrize(
    ("note", "index"),
    [
        (b'{"index_columns": ["day"]}', ("day",)),
        (b'{"index_columns": [{"kind": "range", "name": null}]}', ()),
        (None, ("__index_level_0__",)),
    ],
)
def test_an_index_is_known_by_pandas_note_and_by_its_name(
    note: bytes | None, index: tuple[str, ...], tmp_path: Path
) -> None:
    table = pa.table({"day" if note else "__index_level_0__": [2, 1], "y": [1, 2]})
    pa.parquet.write_table(table.replace_schema_metadata({"pandas": note} if note else {}), tmp_path / "t.parquet")
    assert read_file(str(tmp_path / "t.parquet"), TextFormat(), ["y"]).index == index


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.xls", b"\xd0\xcf\x11\xe0", ": is no Parquet and no Arrow file, and its name ends in none of .csv, .tsv"),
        ("t.json", b'{"a": 1}', ": is no Parquet and no Arrow file, and its name ends in none of .csv, .tsv"),
        ("t.parquet", b"no parquet", ": is no Parquet and no Arrow file"),
        ("t.parquet", b"PAR1 cut", ": cannot be read as a table: ArrowInvalid: "),
        ("t.csv.gz", gzip.compress(CSV * 99, mtime=0)[:40], ": is cut or damaged: EOFError"),
        ("t.csv.zip", zipped("a.csv", "b.csv"), ": holds 2 files, a.csv, b.csv"),
        ("t.csv", b"", ": has no rows"),
    ],
)
def test_what_is_no_table_is_refused(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    assert refusal(lambda: written(tmp_path / name, content)).startswith(f"{tmp_path}/{name}{words}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = refusal(lambda: read_file(f"{tmp_path}/t.csv", TextFormat(), []))
    assert words == f"{tmp_path}/t.csv: no such file; data.source.args.path names the table"


def test_arguments_of_text_are_refused_for_other_files(tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "t.parquet")
    words = refusal(lambda: read_file(f"{tmp_path}/t.parquet", TextFormat(decimal=","), ["y"]))
    assert words == f"data.source.args.decimal: is for files of text; {tmp_path}/t.parquet is none"
