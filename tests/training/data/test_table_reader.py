"""A file, columns of a recipe and a function all give the same table of features and targets."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.table_reader import Table, inline, loaded, read

ROWS: dict[str, list[Any]] = {"a": [1, 2], "kind": ["x", "y"], "y": [0.5, 1.5]}


def given(monkeypatch: pytest.MonkeyPatch, found: Any, features: list[str] | None = None) -> Table:
    """What a function that gives `found` is made into."""
    module = ModuleType("loader_of_a_test")
    vars(module)["rows"] = lambda: found
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return loaded({"name": f"{module.__name__}.rows"}, features)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.pq"])
def test_a_file_and_the_columns_of_a_recipe_give_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("a,kind,y\n1,x,0.5\n2,y,1.5\n")
    if path.suffix != ".csv":
        pa.parquet.write_table(pa.table(ROWS), path)
    tables = [read(str(path), ["y"], None), inline(ROWS, ["y"], None)]
    assert [table.name for table in tables] == [str(path), "data.source.args.columns"]
    for table in tables:
        assert table.features.to_pydict() == {"a": [1, 2], "kind": ["x", "y"]}
        assert table.targets.to_pydict() == {"y": [0.5, 1.5]}
        assert table.classes is None


def test_columns_come_in_the_order_they_are_asked_for() -> None:
    table = inline(ROWS | {"b": [3, 4]}, ["y", "kind"], ["b", "a"])
    assert table.features.column_names == ["b", "a"]
    assert table.targets.column_names == ["y", "kind"]


@pytest.mark.parametrize(
    ("columns", "target", "features", "words"),
    [
        ({"a": [1], "y": [1, 2]}, ["y"], None, "columns: have different lengths: a 1, y 2"),
        (ROWS, ["yy"], None, "target: there is no column 'yy'; did you mean 'y'?"),
        (ROWS, ["y"], ["kinds"], "features: there is no column 'kinds'; did you mean 'kind'?"),
        ({}, ["y"], None, "target: there is no column 'y'"),
        (ROWS, ["y"], ["a", "y"], "features: 'y' is the target"),
        ({"y": [1, 2]}, ["y"], None, "columns: has no column but the target; a feature is needed"),
        ({"a": [], "y": []}, ["y"], None, "columns: has no rows"),
        (
            {"a": [1, 2, "x"], "y": [1, 2, 3]},
            ["y"],
            None,
            "columns: column 'a' has 'x' in row 3; a column is of numbers, or of text for classes",
        ),
    ],
)
def test_columns_that_cannot_be_are_refused(
    columns: dict[str, list[Any]], target: list[str], features: list[str] | None, words: str
) -> None:
    assert refusal(lambda: inline(columns, target, features)) == f"data.source.args.{words}"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    (tmp_path / "twice.csv").write_text("a,a,y\n1,2,3\n")
    for name, words in (
        ("none.csv", ": no such file; data.source.args.path names the table"),
        ("text.parquet", ": cannot be read as a .parquet table: ArrowInvalid: "),
        ("twice.csv", ": has column 'a' more than once"),
    ):
        assert refusal(lambda name=name: read(str(tmp_path / name), ["y"], None)).startswith(  # type: ignore[misc]
            f"{tmp_path}/{name}{words}"
        )
    words = refusal(lambda: read("rows.xls?format=.csv", ["y"], None))
    assert words == "data.source.args.path: 'rows.xls?format=.csv' ends in none of .csv, .parquet, .pq"


def test_a_pair_of_arrays_gets_names(monkeypatch: pytest.MonkeyPatch) -> None:
    table = given(monkeypatch, (np.array([[1, 2], [3, 4]]), np.array([5, 6])))
    assert table.name == "loader_of_a_test.rows"
    assert table.features.to_pydict() == {"x0": [1, 3], "x1": [2, 4]}
    assert table.targets.to_pydict() == {"target": [5, 6]}
    lists = given(monkeypatch, ([1, 2], [[5, 6], [7, 8]]))
    assert (lists.features.column_names, lists.targets.column_names) == (["x"], ["target0", "target1"])


def test_a_bunch_names_its_columns_and_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    bunch = {"data": [[1, 2], [3, 4]], "target": [0, 1], "feature_names": ["b", "a"], "target_names": ["no", "yes"]}
    table = given(monkeypatch, bunch, ["a"])
    assert table.features.to_pydict() == {"a": [2, 4]}
    assert table.targets.to_pydict() == {"target": [0, 1]}
    assert table.classes == ("no", "yes")
    unnamed = given(monkeypatch, bunch | {"feature_names": ["only one"]})
    assert unnamed.features.column_names == ["x0", "x1"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, " gives NoneType; (X, y) or a Bunch of scikit-learn is expected"),
        ({"data": [1]}, " gives dict; (X, y) or a Bunch of scikit-learn is expected"),
        (([1], [1], [1]), " gives tuple; (X, y) or a Bunch of scikit-learn is expected"),
        (([1, 2], [1]), " gives 2 rows of inputs and 1 targets"),
        ((np.zeros((2, 2, 2)), [1, 2]), ": gives x of shape [2, 2, 2]; [rows] or [rows, columns] is expected"),
        (([1, 2], 3), ": gives target of shape []; [rows] or [rows, columns] is expected"),
        ((np.array([1, "x"], object), [1, 2]), ": column 'x' has 'x' in row 2; a column is of numbers, or of text"),
    ],
)
def test_what_is_no_table_is_refused(found: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(lambda: given(monkeypatch, found)).startswith(f"loader_of_a_test.rows{words}")
