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
from torchferry.contract.missing_words import WORDS
from torchferry.contract.signs import Signs
from torchferry.training.data.tables.table_reader import Selection, Table, inline, known, loaded, read
from torchferry.training.data.tables.text_format import TextFormat

ROWS: dict[str, list[Any]] = {"a": [1, 2], "kind": ["x", "y"], "y": [0.5, 1.5]}


def asked(features: list[str] | None = None, **columns_as: str) -> Selection:
    return Selection(features=features, columns_as=columns_as, missing_words=WORDS)


def given(monkeypatch: pytest.MonkeyPatch, found: Any, features: list[str] | None = None) -> Table:
    """What a function that gives `found` is made into."""
    module = ModuleType("loader_of_a_test")
    vars(module)["rows"] = lambda: found
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return loaded({"name": f"{module.__name__}.rows"}, asked(features))


def test_a_typed_file_and_the_columns_of_a_recipe_give_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    pa.parquet.write_table(pa.table(ROWS), path)
    tables = [read(path, TextFormat(), ["y"], asked()), inline(ROWS, ["y"], asked())]
    assert [table.name for table in tables] == [path, "data.source.args.columns"]
    for table in tables:
        assert table.features.to_pydict() == {"a": [1, 2], "kind": ["x", "y"]}
        assert table.targets.to_pydict() == {"y": [0.5, 1.5]}
        assert (table.classes, table.written, table.place(1)) == (None, False, "row 2")


def test_a_file_of_text_says_where_its_rows_are_and_how_its_numbers_are_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a;kind;y\n1;x;0,5\nNA;y;1,5\n")
    table = read(str(path), TextFormat(), ["y"], asked())
    assert table.features.to_pydict() == {"a": ["1", None], "kind": ["x", "y"]}
    assert table.targets.to_pydict() == {"y": ["0,5", "1,5"]}
    assert (table.written, table.signs, table.place(1)) == (True, Signs(","), "line 3")
    assert table.notes == ("cells are separated by ';'", "numbers have decimal ','")
    assert read(str(path), TextFormat(";", ","), ["y"], asked()).notes == ()


def test_columns_that_are_neither_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"": [7, 8], **ROWS, "id": [3, 4]}
    assert inline(rows, ["y"], asked(kind="ignore")).unread == ("kind",)
    assert inline(rows, ["y"], asked(["a"])).unread == ("kind", "id")
    assert inline(ROWS, ["y"], asked()).unread == ()
    frame = {"data": np.array([[1.0, 2.0]]), "target": np.array([3.0]), "feature_names": ["a", "b"]}
    assert given(monkeypatch, frame, ["b"]).unread == ("a",)


def test_columns_that_are_not_used_are_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,other,y\n1,"1,234",2\n')
    assert read(str(path), TextFormat(), ["y"], asked(["a"])).signs == Signs()
    assert read(str(path), TextFormat(), ["y"], asked(other="category")).signs == Signs()
    assert "'1,234'" in refusal(lambda: read(str(path), TextFormat(), ["y"], asked()))


def test_columns_come_in_the_order_they_are_asked_for() -> None:
    table = inline(ROWS | {"b": [3, 4]}, ["y", "kind"], asked(["b", "a"]))
    assert table.features.column_names == ["b", "a"]
    assert table.targets.column_names == ["y", "kind"]
    assert inline(ROWS, ["y"], asked(a="ignore")).features.column_names == ["kind"]


@pytest.mark.parametrize(
    ("columns", "target", "selection", "words"),
    [
        ({"a": [1], "y": [1, 2]}, ["y"], asked(), "columns: have different lengths: a 1, y 2"),
        (ROWS, ["yy"], asked(), "target: there is no column 'yy'; did you mean 'y'?"),
        (ROWS, ["y"], asked(["kinds"]), "features: there is no column 'kinds'; did you mean 'kind'?"),
        (ROWS, ["y"], asked(aa="date"), "columns_as: there is no column 'aa'; did you mean 'a'?"),
        ({}, ["y"], asked(), "target: there is no column 'y'"),
        (ROWS, ["y"], asked(["a", "y"]), "features: 'y' is the target"),
        (ROWS, ["y"], asked(["a", "a"]), "features: names 'a' more than once"),
        ({"y": [1, 2]}, ["y"], asked(), "columns: has no column but the target; a feature is needed"),
        ({"a": [], "y": []}, ["y"], asked(), "columns: has no rows"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    columns: dict[str, list[Any]], target: list[str], selection: Selection, words: str
) -> None:
    assert refusal(lambda: inline(columns, target, selection)) == f"data.source.args.{words}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,a,y\n1,2,3\n", "{}: has column 'a' more than once"),
        ("a,y\n", "{}: has no rows"),
        (
            "5.1,3.5,setosa\n4.9,3,virginica\n",
            "'setosa'?; if the first line, '5.1,3.5,setosa', is a row, name the columns",
        ),
    ],
)
def test_a_file_that_cannot_be_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    assert words.format(path) in refusal(lambda: read(str(path), TextFormat(), ["y"], asked()))


def test_a_name_is_known_or_the_nearest_is_said() -> None:
    assert known("age", ["sex", "age"], "features") == "age"
    words = "data.source.args.features: there is no column 'aeg'; did you mean 'age'?"
    assert refusal(lambda: known("aeg", ["sex", "age"], "features", "sex,age")) == words


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


def test_gaps_of_a_loader_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = given(monkeypatch, (np.array([[1.5, "NA"], [np.nan, "u"]], object), ["NA", "b"]))
    assert table.features.to_pydict() == {"x0": [1.5, None], "x1": [None, "u"]}
    assert table.targets.to_pydict() == {"target": [None, "b"]}


BUNCH = {"data": [[1, 2]], "target": [0]}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, " gives NoneType; (X, y) or a Bunch of scikit-learn is expected"),
        ({"data": [1]}, " gives dict; (X, y) or a Bunch of scikit-learn is expected"),
        (([1], [1], [1]), " gives tuple; (X, y) or a Bunch of scikit-learn is expected"),
        (([1, 2], [1]), " gives 2 rows of inputs and 1 targets"),
        ((np.zeros((2, 2, 2)), [1, 2]), ": gives x of shape [2, 2, 2]; [rows] or [rows, columns] is expected"),
        (([1, 2], 3), ": gives target of shape []; [rows] or [rows, columns] is expected"),
        (([], []), ": gives x of shape [0], without any value"),
        (([[1], [1, 2]], [1, 2]), ": gives x with rows of several lengths"),
        (([1, 2], [2**70, 1]), ": column 'target' has 1180591620717411303424 in row 1, which is beyond 64 bits"),
        ((np.array([1j, 2]), [1, 2]), ": column 'x' has 1j in row 1; a column is of numbers, or of text"),
        (BUNCH | {"feature_names": ["a", "a"]}, ": names column 'a' more than once"),
        ((np.array([1, "x"], object), [1, 2]), ": column 'x' has 'x' in row 2; a column is of numbers, or of text"),
    ],
)
def test_what_is_no_table_is_refused(found: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(lambda: given(monkeypatch, found)).startswith(f"loader_of_a_test.rows{words}")
