"""A target column becomes class indices and names, and a cell that cannot is named by its row."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from tests.training.data.table_rows import table_of
from torchferry.training.data.tables.class_target import class_column, classes_of
from torchferry.training.data.tables.table_reader import Table

NAMES = ("ant", "bee", "cat")


def classes(
    cells: Any, given: tuple[str, ...] | None = None, written: bool = False
) -> tuple[list[int], tuple[str, ...]]:
    indices, labels = classes_of(
        class_column(table_of(a=[0] * len(cells), target=cells, written=written)), given, "rows"
    )
    assert indices.dtype == np.int64
    return indices.tolist(), labels


@pytest.mark.parametrize(
    ("cells", "indices", "labels"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        ([" b", "a", "b "], [1, 0, 1], ("a", "b")),
        ([10, 9, 10], [1, 0, 1], ("9", "10")),
        ([2.0, -1.0, 2.0], [1, 0, 1], ("-1", "2")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        (["1", "2", "other"], [0, 1, 2], ("1", "2", "other")),
    ],
)
def test_classes_are_the_sorted_values(cells: list[Any], indices: list[int], labels: tuple[str, ...]) -> None:
    assert classes(cells) == (indices, labels)


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["10", "9"], ("9", "10")),
        (["1.0", "2.0"], ("1", "2")),
        (["true", "FALSE"], ("False", "True")),
        (["yes", "no"], ("no", "yes")),
        (["1", "x"], ("1", "x")),
        (["2020-01-01", "2021-01-01"], ("2020-01-01", "2021-01-01")),
    ],
)
def test_classes_of_a_file_are_read_as_its_columns_are(cells: list[str], labels: tuple[str, ...]) -> None:
    assert classes(cells, written=True)[1] == labels


def test_whole_numbers_point_into_names_that_are_given_and_text_does_not() -> None:
    for cells in ([2, 0, 2], [2.0, 0.0, 2.0]):
        assert classes(cells, NAMES) == ([2, 0, 2], NAMES)
    assert classes(["dog", "ant"], NAMES) == ([1, 0], ("ant", "dog"))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([0, 3], "rows has class 3; there are 3 names"),
        ([-1, 0, 2], "rows has class -1; there are 3 names"),
        ([1, 1], "rows has one class, '1'; a target needs two or more"),
        ([1.0, 2.0, 1.5], "rows: column 'y' is 1.5 in row 3; a class is text or a whole number"),
        ([1.0, 1e30], "rows: column 'y' is 1e+30 in row 2; a class is text or a whole number"),
        ([1.0, float("inf")], "rows: column 'y' is inf in row 2; every cell must be a finite number"),
        ([[1], [2]], "rows: column 'y' is of type list<item: int64>; a class is one number or word"),
    ],
)
def test_what_cannot_be_a_class_is_named(cells: list[Any], words: str) -> None:
    assert refusal(lambda: classes(cells, NAMES)) == words


def test_missing_cells_are_no_classes() -> None:
    column = class_column(table_of(a=[0, 0, 0], target=["a", "NA", " "]))
    assert column.missing.tolist() == [False, True, True]
    assert class_column(table_of(a=[0, 0], target=pa.nulls(2))).missing.all()


def test_classes_are_one_column() -> None:
    two = pa.table({"y": [0, 1], "z": [0, 1]})
    words = refusal(lambda: class_column(Table(name="rows", features=two, targets=two)))
    assert words == "rows: classification needs one target column, not 2"
