"""Columns become float64 numbers or class indices, and the first cell that cannot is named by its row."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.columns import classes_of, numbers

NAMES = ("ant", "bee", "cat")


def test_numbers_stand_in_the_order_of_their_columns() -> None:
    whole, truth = pa.array([1, 2, 1]).dictionary_encode(), pa.array([True, False, True])
    found = numbers(pa.table({"b": [0.5, 1.5, -2.5], "a": whole, "c": truth}), "rows")
    assert found.dtype == np.float64
    assert found.tolist() == [[0.5, 1, 1], [1.5, 2, 0], [-2.5, 1, 1]]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (pa.array([1, None, None]), "is empty in row 2; fill or drop such rows"),
        (pa.array(["1", None]), "is empty in row 2; fill or drop such rows"),
        (pa.nulls(2), "is empty in row 1; every cell must be a number"),
        (pa.array(["1", "2e3", "x", "y"]), "has text 'x' in row 3; every cell must be a number"),
        (pa.array(["1", "x"]).dictionary_encode(), "has text 'x' in row 2; every cell must be a number"),
        (pa.array(["1", "2"], pa.large_string()), "has text '1' in row 1; every cell must be a number"),
        (pa.array([0, float("nan"), 1]), "is nan in row 2; every cell must be a finite float64"),
        (pa.array([0, 1, float("-inf")]), "is -inf in row 3; every cell must be a finite float64"),
        (pa.array([[1], [2]]), "is of type list<item: int64>, not a number"),
    ],
)
def test_the_first_cell_that_is_no_number_is_named(cells: pa.Array, words: str) -> None:
    table = pa.table({"good": [0] * len(cells), "bad": cells})
    assert refusal(lambda: numbers(table, "rows")) == f"rows: column 'bad' {words}"


def test_numbers_are_narrowed_where_that_is_asked_for() -> None:
    cells = pa.table({"a": [1.1, -1e39]})
    assert numbers(cells.slice(0, 1), "rows", "float32").tolist() == [[np.float32(1.1)]]
    words = "rows: column 'a' is -1e+39 in row 2; every cell must be a finite float32"
    assert refusal(lambda: numbers(cells, "rows", "float32")) == words


@pytest.mark.parametrize("start", [2**60, -(2**60)])
def test_integers_that_become_one_number_are_refused(start: int) -> None:
    near = pa.table({"ns": [start, start + 1, start + 2]})
    words = "rows: column 'ns' has 3 different integers, of which float64 keeps 1 apart; subtract their least from them"
    assert words in refusal(lambda: numbers(near, "rows"))
    apart = [start, start + 1001, start + 2002]
    assert numbers(pa.table({"ns": apart}), "rows")[:, 0].tolist() == list(map(float, apart))


@pytest.mark.parametrize(
    ("cells", "indices", "labels"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        ([10, 9, 10], [1, 0, 1], ("9", "10")),
        ([2.0, -1.0, 2.0], [1, 0, 1], ("-1", "2")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
    ],
)
def test_classes_are_the_sorted_values(cells: list[Any], indices: list[int], labels: tuple[str, ...]) -> None:
    found, names = classes_of(pa.table({"y": cells}), None, "rows")
    assert found.dtype == np.int64
    assert (found.tolist(), names) == (indices, labels)


def test_whole_numbers_point_into_names_that_are_given_and_text_does_not() -> None:
    for cells in ([2, 0, 2], [2.0, 0.0, 2.0]):
        found, names = classes_of(pa.table({"y": cells}), NAMES, "rows")
        assert found.dtype == np.int64
        assert (found.tolist(), names) == ([2, 0, 2], NAMES)
    found, names = classes_of(pa.table({"y": ["dog", "ant"]}), NAMES, "rows")
    assert (found.tolist(), names) == ([1, 0], ("ant", "dog"))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([0, 3], "has class 3; there are 3 names"),
        ([-1, 0, 2], "has class -1; there are 3 names"),
        ([1, 1], "has one class, '1'; a target needs two or more"),
        ([1, None], "is empty in row 2; fill or drop such rows"),
        (["a", "b", " "], "is empty in row 3; fill or drop such rows"),
        ([1.0, 2.0, 1.5], "is 1.5 in row 3; a class is text or a whole number"),
        ([1.0, float("nan")], "is nan in row 2; a class is text or a whole number"),
        ([[1], [2]], "is of type list<item: int64>; a class is one number or word"),
    ],
)
def test_what_cannot_be_a_class_is_named(cells: list[Any], words: str) -> None:
    assert refusal(lambda: classes_of(pa.table({"y": cells}), NAMES, "rows")) == f"rows: column 'y' {words}"


def test_classes_are_one_column() -> None:
    two = pa.table({"y": [0, 1], "z": [0, 1]})
    assert refusal(lambda: classes_of(two, None, "rows")) == "rows: classification needs one target column, not 2"
