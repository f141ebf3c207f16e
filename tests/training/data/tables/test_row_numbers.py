"""A column that numbers the rows is no feature, and what is left out is said."""

from typing import Any

import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.row_numbers import without_row_numbers
from torchferry.training.data.tables.table_file import Cells


def left(columns: dict[str, list[Any]], index: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    cells = Cells(columns=list(columns), cells=[pa.chunked_array([each]) for each in columns.values()], index=index)
    return without_row_numbers(cells, [key for key in columns if key != "y"], "t.csv")


NOTE = "column 1, which has no name and numbers the rows, is left out"


@pytest.mark.parametrize("numbers", [["0", "1", "2"], ["1", "2", "3"], ["2", "0", "1"], ["17", "4", "90"]])
@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_an_index_that_pandas_wrote_is_left_out(numbers: list[str], name: str) -> None:
    assert left({name: numbers, "a": ["1", "2", "3"], "y": ["1", "2", "3"]}) == (["a"], [NOTE])


def test_an_index_that_pandas_stored_is_left_out() -> None:
    note = "'day' is the index that pandas stored, and left out"
    assert left({"day": [3, 1], "a": [1, 2]}, ("day",)) == (["a"], [note])
    assert left({"a": [1, 2], "y": [3, 1]}, ("y",)) == (["a"], [])  # the target was asked for


def test_a_column_that_a_delimiter_at_the_end_makes_is_left_out() -> None:
    assert left({"a": ["1"], "": [" "]}) == (["a"], ["column 2, which has no name and is empty, is left out"])


@pytest.mark.parametrize(
    "columns",
    [
        {"": ["x", "z"], "a": [1, 2]},
        {"": ["1", "1"], "a": [1, 2]},
        {"": ["0.5", "1.5"], "a": [1, 2]},
    ],
)
def test_another_column_without_a_name_is_refused(columns: dict[str, list[Any]]) -> None:
    words = "t.csv: column 1 has no name and does not number the rows; name it in the file, or list data.source.args."
    assert refusal(lambda: left(columns)).startswith(words)
    assert "column 2 has no name" in refusal(lambda: left({"a": [1, 2], "": ["0", "1"]}))


def test_other_columns_stay() -> None:
    assert left({"id": ["0", "1"], "a": ["1", "2"]}) == (["id", "a"], [])
