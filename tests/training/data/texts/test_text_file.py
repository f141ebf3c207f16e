"""Texts of a file, whatever its format, and where each stands."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.text_format import TextFormat
from torchferry.training.data.texts.text_columns import TextColumns
from torchferry.training.data.texts.text_file import rows_of_file
from torchferry.training.data.texts.text_rows import TextRows

ROWS = [("free money", "spam"), ('a "quote",\nand a line', "ham"), ("naïve ☃", "ham")]
LINES = "\n".join(json.dumps({"text": text, "label": label}) for text, label in ROWS)
CSV = 'text,label\nfree money,spam\n"a ""quote"",\nand a line",ham\nnaïve ☃,ham\n'
TSV = "label\ttext\nspam\tfree money\nham\tit's 5 o'clock, \"now\n"


def read(path: Path, columns: TextColumns | None = None, form: TextFormat | None = None) -> TextRows:
    return rows_of_file(str(path), columns or TextColumns(), form or TextFormat(), "train", "test")


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    text, label = zip(*ROWS, strict=True)
    pyarrow.parquet.write_table(pa.table({"text": text, "label": label}), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content", "places"),
    [
        ("a.csv", CSV.encode(), ["line 2", "line 3", "line 5"]),
        ("a.jsonl", LINES.replace("\n", "\n\n").encode(), ["line 1", "line 3", "line 5"]),
        ("a.ndjson.gz", gzip.compress(b"\xef\xbb\xbf" + LINES.encode()), ["line 1", "line 2", "line 3"]),
        ("a.json", f"[{','.join(LINES.splitlines())}]".encode(), ["object 1", "object 2", "object 3"]),
        ("a.parquet", parquet(), ["row 1", "row 2", "row 3"]),
    ],
)
def test_formats_give_the_same_rows(tmp_path: Path, name: str, content: bytes, places: list[str]) -> None:
    (path := tmp_path / name).write_bytes(content)
    rows = read(path)
    assert list(zip(rows.texts, rows.said, strict=True)) == ROWS
    assert [rows.where(row) for row in range(3)] == [f"{path}: {place}" for place in places]
    assert rows.tested is None


def test_quotation_marks_may_be_letters(tmp_path: Path) -> None:
    (path := tmp_path / "a.tsv").write_text(TSV)
    rows = read(path, form=TextFormat(quote=""))
    assert (rows.texts, rows.said) == (["free money", "it's 5 o'clock, \"now"], ["spam", "ham"])


def test_several_columns_are_one_target(tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text("text,a,b\nx,1,0\ny,0,1\n")
    assert read(path, TextColumns(target=["b", "a"])).said == [("0", "1"), ("1", "0")]


def test_a_column_divides_them_and_others_are_told(tmp_path: Path) -> None:
    lines = [{"text": "a", "label": 1, "split": split} for split in ("train", "test", "dev", "train", None)]
    (path := tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    rows = read(path)
    assert rows.tested == [False, True, False]
    assert rows.where(2) == f"{path}: line 4"
    assert rows.notes == (f"{path}: left out 1 of split 'dev', 1 of split 'None'",)
    path.write_text(json.dumps(lines[0]))
    assert refusal(lambda: read(path)) == (
        f"{path}: no row has split 'test'; it has 'train'; data.source.args.test names one"
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text', "a.jsonl: line 2: is no JSON: "),
        ("a.jsonl", '{"text": "a", "label": 1}\n7', "a.jsonl: line 2: 7 is no object such as "),
        ("a.json", '[["a", 1]]', 'a.json: object 1: ["a", 1] is no object such as '),
        ("a.jsonl", b'{"text": "na\xefve"}', "a.jsonl: byte 0xef in line 1 is no UTF-8"),
        ("a.csv", b"text,label\nx,1\nna\xefve,1\n", "a.csv: byte 0xef in line 3 is no UTF-8"),
        ("a.jsonl", None, "a.jsonl: no such file; data.source.args.path names the texts"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl: is no JSON: "),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(tmp_path: Path, name: str, content: Any, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in refusal(lambda: read(tmp_path / name))


def test_what_is_said_of_tables_is_not_for_json(tmp_path: Path) -> None:
    (path := tmp_path / "a.jsonl").write_text(LINES)
    words = f"data.source.args.quote: is for files of text; {path} is JSON"
    assert refusal(lambda: read(path, form=TextFormat(quote=""))) == words
