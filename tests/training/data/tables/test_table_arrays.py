"""Lists and arrays become columns, or what is wrong with them is one line."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.table_arrays import listed, of_array


def plain(columns: dict[str, pa.ChunkedArray]) -> dict[str, list[Any]]:
    return {key: cells.to_pylist() for key, cells in columns.items()}


def test_an_array_is_a_column_or_several() -> None:
    assert plain(of_array([1, 2], None, "x", "f")) == {"x": [1, 2]}
    assert plain(of_array(np.array([[1, 2], [3, 4]]), None, "x", "f")) == {"x0": [1, 3], "x1": [2, 4]}
    assert plain(of_array([[1, 2], [3, 4]], ["b", "a"], "x", "f")) == {"b": [1, 3], "a": [2, 4]}
    assert plain(of_array([[1, 2]], ["only one"], "x", "f")) == {"x0": [1], "x1": [2]}


def test_cells_keep_their_kind() -> None:
    mixed = np.array([[1.5, "u", None], [2, "v", True]], object)
    assert plain(of_array(mixed, list("abc"), "x", "f")) == {"a": [1.5, 2], "b": ["u", "v"], "c": [None, True]}
    assert plain(of_array(np.array([b"u", b"v"]), None, "x", "f")) == {"x": ["u", "v"]}


class Frame:
    """As data frames are: columns by name, each with values of its own type."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns, self.held = list(columns), columns

    def __getitem__(self, name: str) -> list[Any]:
        return self.held[name]


def test_a_data_frame_keeps_its_names_and_types() -> None:
    assert plain(of_array(Frame(n=[1, 2], k=["u", "v"]), None, "x", "f")) == {"n": [1, 2], "k": ["u", "v"]}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1], [1, 2]], ": gives x with rows of several lengths; [rows] or [rows, columns] is expected"),
        ([], ": gives x of shape [0], without any value"),
        (np.zeros((3, 0)), ": gives x of shape [3, 0], without any value"),
        (np.zeros((2, 2, 2)), ": gives x of shape [2, 2, 2]; [rows] or [rows, columns] is expected"),
        (3, ": gives x of shape []; [rows] or [rows, columns] is expected"),
        ({"a": 1}, ": gives x of shape []; [rows] or [rows, columns] is expected"),
        (np.array([1, 1 + 2j]), ": column 'x' has (1+0j) in row 1; a column is of numbers, or of text for classes"),
        ([1, 2 + 1j], ": column 'x' has (1+0j) in row 1; a column is of numbers, or of text for classes"),
        (np.array([1, 2**70], object), ": column 'x' has 1180591620717411303424 in row 2, which is beyond 64 bits"),
        (np.array([1, "x"], object), ": column 'x' has 'x' in row 2; a column is of numbers, or of text for classes"),
        (np.array([None, 1, True], object), ": column 'x' has True in row 3; a column is of numbers"),
    ],
)
def test_what_is_no_column_is_named(values: Any, words: str) -> None:
    assert refusal(lambda: of_array(values, None, "x", "f")).startswith(f"f{words}")


def test_a_name_twice_would_lose_a_column() -> None:
    assert refusal(lambda: of_array([[1, 2]], ["a", "a"], "x", "f")) == "f: names column 'a' more than once"


def test_lists_of_a_recipe_are_as_long_as_each_other() -> None:
    assert plain(listed({"a": [1, None], "b": ["u", "v"]}, "columns")) == {"a": [1, None], "b": ["u", "v"]}
    words = refusal(lambda: listed({"a": [1], "y": [1, 2]}, "columns"))
    assert words == "columns: have different lengths: a 1, y 2"
    words = refusal(lambda: listed({"a": [1, "x"]}, "columns"))
    assert words == "columns: column 'a' has 'x' in row 2; a column is of numbers, or of text for classes"
    assert "in row 1, which is beyond 64 bits" in refusal(lambda: listed({"a": [2**70]}, "columns"))
