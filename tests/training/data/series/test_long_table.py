"""Long tables: a step in each row."""

from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.series.long_table import LongColumns, read_long

PATH = Path("x.csv")
TEXT = "time,id,ax,ay,label\n0,a,1,2,up\n1,a,3,4,up\n2,a,5,6,down\n0,b,7,8,up\n"


def test_a_series_ends_where_its_name_or_label_changes() -> None:
    found = read_long(PATH, TEXT, LongColumns())
    assert [(each.group, each.target, each.values.tolist()) for each in found.series] == [
        ("a", "up", [[1, 2], [3, 4]]),
        ("a", "down", [[5, 6]]),
        ("b", "up", [[7, 8]]),
    ]
    assert [each.where for each in found.series] == [f"the series of line {line}" for line in (2, 4, 5)]
    assert not found.flat


def test_columns_are_named() -> None:
    found = read_long(PATH, TEXT.replace("id", "who"), LongColumns(series="who", label="label", values=["ay"]))
    assert [each.values[:, 0].tolist() for each in found.series] == [[2, 4], [6], [8]]
    assert found.flat


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        (
            "a,b\n1,2\n",
            LongColumns(),
            "x.csv: none of its columns a, b is named label, class, target, y; give ",
        ),
        ("time,label\n1,2\n", LongColumns(), "x.csv: has no columns of values beside time, label"),
        (
            TEXT,
            LongColumns(values=["az"]),
            "data.source.args.value_columns: x.csv has no column 'az', but time, id",
        ),
        (TEXT.replace("5,6", "5,six"), LongColumns(), "x.csv: line 4: ay is 'six', which is no number; data.source"),
        (TEXT.replace("5,6", "5,"), LongColumns(), "x.csv: the series of line 4 has a value at step 0 that is missing"),
        (TEXT.replace("5,6", "5"), LongColumns(), "x.csv: line 4 has 4 cells; its first line has 5"),
        ("label,a\n", LongColumns(), "x.csv: has no series"),
    ],
)
def test_what_is_no_such_table_is_named(text: str, columns: LongColumns, words: str) -> None:
    assert refusal(lambda: read_long(PATH, text, columns)).startswith(words)
