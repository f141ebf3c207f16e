"""A file of text becomes columns of text, and a row is named by the line that it begins in."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.text_format import TextFormat
from torchferry.training.data.tables.text_table import TextTable, text_table


def read(text: str, suffix: str = ".csv", wanted: tuple[str, ...] = ("y",), **given: Any) -> TextTable:
    return text_table(text.encode(), "t.csv", suffix, TextFormat(**given), wanted)


def rows(found: TextTable) -> list[tuple[str, ...]]:
    return list(zip(*(cells.to_pylist() for cells in found.cells), strict=True))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,y\n1,2\n", [("1", "2")]),
        ("a,y\r\n1,2\r\n\r\n", [("1", "2")]),
        ("a,y\r1,2\r3,4", [("1", "2"), ("3", "4")]),
        ("a,y\n\n1,2\n\n3,4\n \n", [("1", "2"), ("3", "4")]),
        ("a,y\n1,\n,\n", [("1", ""), ("", "")]),
        ('a,y\n"x, ""z""",2\n', [('x, "z"', "2")]),
        ('a,y\n5" pipe,2\n', [('5" pipe', "2")]),
        (" a , y \n1,2\n", [("1", "2")]),
        ("# made by hand\na,y\n1,2\n# 3\n", [("1", "2")]),
        ("sep=;\na;y\n1,5;2\n", [("1,5", "2")]),
        ("a  y\n 1   2\n", [("1", "2")]),
        ("a,y\nNA,null\n", [("NA", "null")]),
    ],
)
def test_cells_stay_as_they_are_written(text: str, found: list[tuple[str, ...]]) -> None:
    table = read(text)
    assert (table.columns, rows(table)) == (["a", "y"], found)


def test_line_breaks_inside_quotes_are_read_beyond_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyarrow parses a megabyte at once by default; a hundred blocks here, so that some end inside a quote."""
    monkeypatch.setattr("torchferry.training.data.tables.text_table.BLOCK", 1 << 14)
    text = "a,b,y\n" + "".join(f'{n},"hello\nworld {"x" * 60}",{n}\n' for n in range(20_000))
    assert len(text) > 1_500_000
    table = read(text)
    assert table.cells[0].to_pylist() == [str(n) for n in range(20_000)]
    assert table.cells[1][7].as_py().startswith("hello\nworld x")
    assert table.place(19_999) == "line 40000"


def test_a_row_longer_than_a_block_is_read() -> None:
    long = "x\n" * 1_100_000
    assert rows(read(f'a,y\n1,2\n"{long}",3\n'))[1] == (long, "3")


def test_a_row_is_named_by_the_line_it_begins_in() -> None:
    table = read('# note\n"a","y"\n\n"1\n1",2\n3,4\n#\n5,6\n', comment="#")
    assert [table.place(row) for row in range(3)] == ["line 4", "line 6", "line 8"]
    assert [read("1,2\n3,4\n", header=["a", "y"]).place(row) for row in range(2)] == ["line 1", "line 2"]


@pytest.mark.parametrize("text", ["a,y,\n1,2,\n3,4,\n", "a,y\n1,2,\n3,4,\n", "a,y,\n1,2\n3,4\n"])
def test_a_delimiter_at_the_end_of_lines_makes_no_ragged_rows(text: str) -> None:
    assert [row[:2] for row in rows(read(text))] == [("1", "2"), ("3", "4")]


BOSTON = "0.00632,18.0,24.0\n0.02731,0.0,21.6\n"


def test_a_file_without_a_line_of_names_is_given_names() -> None:
    found = read(BOSTON, header=["crim", "zn", "medv"], wanted=("medv",))
    assert (found.columns, len(rows(found))) == (["crim", "zn", "medv"], 2)
    assert read(BOSTON, header=False, wanted=("x2",)).columns == ["x0", "x1", "x2"]
    assert read(BOSTON, header=True, wanted=("24.0",)).columns == ["0.00632", "18.0", "24.0"]


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (
            BOSTON,
            {},
            "t.csv: its first line, '0.00632,18.0,24.0', is all numbers; name its 3 columns in data.source.args",
        ),
        (BOSTON, {"header": ["a", "y"]}, "data.source.args.header: has 2 names; t.csv has 3 columns"),
        ("a,y\n1,2\n", {"header": ["a", "y"]}, "data.source.args.header: is the first line of t.csv already; leave"),
        ("a,b,y\n1,2,3\n\n4,5\n", {}, "t.csv: line 4 has 2 cells, '4,5'; there are 3 columns"),
        ('a,b,y\n1,"\n",3\n4,5,6,7\n', {}, "t.csv: line 4 has 4 cells, '4,5,6,7'; there are 3 columns"),
        ('a,b,y\n"\n",2\n', {}, "t.csv: line 2 has 2 cells, ',2'; there are 3 columns"),
        ('a,b,y\n1,2,3\n4,"5,6\n7,8,9\n', {}, 't.csv: a quote " that opens in line 3 is never closed'),
        ("\n \n", {}, "t.csv: has no rows"),
        ("y\n1\n", {}, "t.csv: none of ',', ';', tab, '|', blanks separates cells in its first line, 'y'"),
    ],
)
def test_what_is_no_table_is_refused(text: str, given: dict[str, Any], words: str) -> None:
    assert refusal(lambda: read(text, **given)).startswith(words)


def test_a_table_may_have_no_rows() -> None:
    assert rows(read("a,y\n")) == []


@pytest.mark.parametrize(
    ("text", "suffix", "given", "notes"),
    [
        ("a,y\n1,2\n", ".csv", {}, ()),
        ("a\ty\n1\t2\n", ".tsv", {}, ()),
        ("a\ty\n1\t2\n", ".csv", {}, ("cells are separated by tab",)),
        ("a;y\n1;2\n", ".csv", {}, ("cells are separated by ';'",)),
        ("a;y\n1;2\n", ".csv", {"delimiter": ";"}, ()),
        ("#\na,y\n1,2\n", ".csv", {}, ("what comes after '#' is a comment",)),
    ],
)
def test_what_was_found_and_is_not_usual_is_said(
    text: str, suffix: str, given: dict[str, Any], notes: tuple[str, ...]
) -> None:
    assert read(text, suffix, **given).notes == notes
