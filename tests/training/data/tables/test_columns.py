"""A column's kind is clear or refused, and the first cell that does not fit is named by its row."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from tests.training.data.table_rows import table_of
from torchferry.training.data.tables.columns import features_of, values_of

DAY = 86400.0
AT = datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ([1, -2, 3], "number", [1, -2, 3]),
        ([1.5, None, float("nan")], "number", [1.5, np.nan, np.nan]),
        ([True, None, False], "number", [1, np.nan, 0]),
        ([Decimal("1.25"), Decimal("2.50")], "number", [1.25, 2.5]),
        (pa.array([2, 1, 2]).dictionary_encode(), "number", [2, 1, 2]),
        (pa.array([1, 2], pa.uint8()), "number", [1, 2]),
        (pa.array([0.5], pa.float16()), "number", [0.5]),
        ([datetime.date(1970, 1, 2), None], "date", [DAY, np.nan]),
        ([AT], "date", [1.5]),
        (["u", None, "v"], "category", ["u", None, "v"]),
        (pa.array(["u", "v"]).dictionary_encode(), "category", ["u", "v"]),
        (pa.array(["true", "false"], pa.large_string()), "number", [1, 0]),
        (["yes", "no"], "category", ["yes", "no"]),
        (["1970-01-02", None], "date", [DAY, np.nan]),
    ],
)
def test_a_columns_type_says_what_it_holds(cells: Any, kind: str, values: list[Any]) -> None:
    (column,) = features_of(table_of(a=cells), {})
    assert (column.name, column.kind) == ("a", kind)
    if kind == "category":
        assert column.values.tolist() == values
    else:
        assert column.values.dtype == np.float64
        np.testing.assert_array_equal(column.values, values)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "2.5", "-3e2"], "number", [1, 2.5, -300]),
        (["True", "FALSE", "true"], "number", [1, 0, 1]),
        (["1970-01-01 00:00:01", "1970-01-02T00:00"], "date", [1, DAY]),
        (["a", "1", "b"], "category", ["a", "1", "b"]),
    ],
)
def test_text_of_a_file_is_read(cells: list[str], kind: str, values: list[Any]) -> None:
    (column,) = features_of(table_of(written=True, a=cells), {})
    assert (column.kind, column.values.tolist()) == (kind, values)


@pytest.mark.parametrize(
    ("cells", "way", "kind", "values"),
    [
        (["00501", "00502"], "category", "category", ["00501", "00502"]),
        ([1, None], "category", "category", ["1", None]),
        ([1.0, 2.0], "category", "category", ["1", "2"]),
        ([1.5, 2.0], "category", "category", ["1.5", "2.0"]),
        (["1", "2"], "number", "number", [1, 2]),
        (["02.01.1970"], "date:%d.%m.%Y", "date", [DAY]),
        ([datetime.date(1970, 1, 2)], "number", "date", [DAY]),
    ],
)
def test_the_recipe_says_how_a_column_is_read(cells: list[Any], way: str, kind: str, values: list[Any]) -> None:
    (column,) = features_of(table_of(a=cells), {"a": way})
    assert (column.kind, column.values.tolist()) == (kind, values)


AS = "data.source.args.columns_as"


@pytest.mark.parametrize(
    ("cells", "way", "words"),
    [
        (pa.nulls(2), None, f"has no value in any row; leave it out by {AS}: {{a: ignore}}"),
        (["NA", ""], None, f"has no value in any row; leave it out by {AS}: {{a: ignore}}"),
        (["1", "x", "3", "y"], None, "has text 'x' in row 2; every cell must be a number (2 of 4 cells are none)"),
        (["1", "2"], None, f"holds numbers that are stored as text; say {AS}: {{a: number}}, or category"),
        (["1970-01-01", "1970-02-30"], None, "has text '1970-02-30' in row 2; every cell must be a date"),
        (["3/4/26", "5/6/26"], None, f"has dates such as '3/4/26'; say which way: {AS}: {{a: 'date:%d/%m/%Y'}}"),
        ([[1], [2]], None, "is of type list<item: int64>, not a number"),
        ([datetime.time(1)], None, "is of type time64[us], not a number"),
        ([1, 2], "date", "is of type int64, not a date"),
        (["1.2.1970", "x"], "date:%d.%m.%Y", "has text 'x' in row 2; every cell must be a date as %d.%m.%Y says"),
        (["u", "v"], "number", "has text 'u' in row 1; every cell must be a number (2 of 2 cells are none)"),
        ([0.0, float("-inf")], None, "is -inf in row 2; every cell must be a finite number"),
        (
            [f"name {n}" for n in range(11)],
            None,
            f"is text with 11 different values in 11 rows, as a name or an id has; say {AS}: {{a: ignore}}, or",
        ),
        ([f"name {n % 101}" for n in range(303)], None, "is text with 101 different values in 303 rows"),
        ([2**60, 2**60 + 1], None, "has whole numbers with more digits than a float64 keeps, and some become equal"),
    ],
)
def test_what_is_not_clear_is_refused(cells: Any, way: str | None, words: str) -> None:
    ways = {} if way is None else {"a": way}
    assert refusal(lambda: features_of(table_of(a=cells), ways)).startswith(f"rows: column 'a' {words}")


def test_long_numbers_of_a_file_are_refused_only_where_they_become_equal() -> None:
    (column,) = features_of(table_of(written=True, a=[1700000000000000000, 1700000001000000000]), {})
    assert len(np.unique(column.values)) == 2
    ids = table_of(written=True, a=[1700000000000000001, 1700000000000000002])
    assert "is it an id?" in refusal(lambda: features_of(ids, {}))


def test_so_many_categories_are_no_names() -> None:
    for cells in ([f"k{n % 100}" for n in range(300)], [f"k{n}" for n in range(10)]):
        assert features_of(table_of(a=cells), {})[0].kind == "category"
    named = [f"name {n}" for n in range(50)]
    assert features_of(table_of(a=named), {"a": "category"})[0].values.tolist() == named


def test_targets_are_numbers() -> None:
    (column,) = values_of(table_of(written=True, a=["1"], target=["2.5"]))
    assert (column.name, column.values.tolist()) == ("y", [2.5])
    assert "column 'y' has text 'x' in row 1" in refusal(lambda: values_of(table_of(a=[1], target=["x"])))
    assert "column 'y' is inf in row 1" in refusal(lambda: values_of(table_of(a=[1], target=[float("inf")])))
