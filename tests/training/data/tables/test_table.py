from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

from tests.training.data.sources import refusal, source
from torchferry.training.data.recorded import FORMER
from torchferry.training.data.source import Source, TableInput, TargetScale

CSV = "a,b,kind,y\n" + "".join(f"{n},{n * 0.5},{'xyz'[n % 3]},{n * 10}\n" for n in range(12))


def columns(targets: str = "values", **given: list[Any]) -> Source:
    return source("table", columns=given, target="y", test_fraction=0, targets=targets)


def test_a_loader_gives_scikit_learns_own_split_and_scaling() -> None:
    diabetes = source("table", loader={"name": "sklearn.datasets.load_diabetes"}, split="shuffle")
    x, y = load_diabetes(return_X_y=True)
    train, test, train_y, _ = train_test_split(x, y, test_size=0.2, random_state=42)
    np.testing.assert_array_equal(diabetes.train[:][0].numpy(), train)
    np.testing.assert_array_equal(diabetes.test[:][0].numpy(), test)
    np.testing.assert_array_equal(diabetes.train[:][1].numpy(), train_y[:, None])
    assert isinstance(diabetes.input, TableInput)
    assert diabetes.input.columns[:2] == ("age", "sex")
    assert diabetes.input.mean == pytest.approx(train.mean(axis=0, dtype=float))
    assert diabetes.input.std == pytest.approx(train.std(axis=0, dtype=float))
    assert diabetes.labels == ("target",)


def test_a_loader_names_the_classes_and_the_split_keeps_their_shares() -> None:
    name = "sklearn.datasets.load_breast_cancer"
    args = {"targets": "classes", "features": ["mean texture"], "scale": False, "split": "shuffle"}
    cancer = source("table", loader={"name": name}, **args)
    data = load_breast_cancer()
    _, test = train_test_split(np.arange(569), test_size=0.2, random_state=42, stratify=data.target)
    assert cancer.labels == ("malignant", "benign")
    assert cancer.test[:][1].dtype == torch.int64
    assert cancer.test[:][1].tolist() == data.target[test].tolist()
    assert cancer.input == TableInput(columns=("mean texture",), mean=(0,), std=(1,), datatype="float64")
    assert cancer.target_scale is None
    np.testing.assert_array_equal(cancer.test[:][0][:, 0].numpy(), data.data[test, 1])


def test_a_loader_may_give_several_targets() -> None:
    loader = {"name": "sklearn.datasets.make_regression", "args": {"n_samples": 20, "n_features": 3, "n_targets": 2}}
    made = source("table", loader=loader, split="shuffle")
    assert (made.train[:][0].shape, made.train[:][1].shape) == ((16, 3), (16, 2))
    assert made.labels == ("target0", "target1")
    assert made.input.columns == ("x0", "x1", "x2")  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["csv", "parquet", "memory"])
def test_files_give_the_columns_asked_for(kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / "rows.csv")
    Path(path).write_text(CSV)
    if kind == "parquet":
        path = str(tmp_path / "rows.parquet")
        pa.parquet.write_table(pa.csv.read_csv(tmp_path / "rows.csv"), path)
    if kind == "memory":
        path = "memory://tables/rows.csv"
        fsspec.filesystem("memory").pipe("/tables/rows.csv", CSV.encode())
    values = source("table", path=path, target=["y"], features=["b", "a"], test_fraction=0)
    assert values.train[4][0].tolist() == [2, 4]
    assert values.train[4][1].tolist() == [40]
    assert values.test_size == values.train_size == 12
    classes = source("table", path=path, target="kind", targets="classes", test_fraction=0.25, split="shuffle")
    assert classes.labels == ("x", "y", "z")
    assert sorted(classes.test[:][1].tolist()) == [0, 1, 2]
    assert classes.input.columns == ("a", "b", "y")  # type: ignore[union-attr]
    row, kind_of_row = classes.train[0]
    assert int(row[0]) % 3 == int(kind_of_row)


def test_scaling_is_of_the_training_rows_and_a_constant_column_stays() -> None:
    data = {"a": [float(n) for n in range(10)], "same": [0.1] * 10, "y": [1.0] * 10}
    table = source("table", columns=data, target="y", split="shuffle")
    assert isinstance(table.input, TableInput)
    rows = table.train[:][0][:, 0].double()
    assert table.input.mean == pytest.approx((rows.mean().item(), 0.1))
    assert table.input.std == pytest.approx((rows.std(correction=0).item(), 1.0))
    assert len(rows) == 8


SECONDS = [1700000000 + n for n in range(1000)]


def test_large_numbers_keep_all_their_values_until_they_are_scaled() -> None:
    table = source("table", columns={"t": SECONDS, "y": SECONDS}, target="y")
    x, y = table.train[:]
    assert (x.dtype, y.dtype) == (torch.float64, torch.float64)
    assert isinstance(table.input, TableInput)
    assert table.target_scale == TargetScale(mean=table.input.mean, std=table.input.std)
    assert len(((x - table.input.mean[0]) / table.input.std[0]).float().unique()) == len(x)
    assert table.input.std == pytest.approx((x.std(correction=0).item(),))


@pytest.mark.parametrize(
    ("args", "scaled"),
    [
        ({}, True),
        ({"scale": False}, False),
        ({"scale_target": False}, False),
        ({"scale": False, "scale_target": True}, True),
    ],
)
def test_targets_are_scaled_as_inputs_are_unless_it_is_said(args: dict[str, bool], scaled: bool) -> None:
    table = source("table", columns={"a": [1, 2, 3, 4], "y": [2, 2, 6, 6]}, target="y", test_fraction=0, **args)
    assert table.target_scale == (TargetScale(mean=(4,), std=(2,)) if scaled else None)
    assert table.train[:][1][:, 0].tolist() == [2, 2, 6, 6]


def test_the_former_datatype_gives_the_former_numbers() -> None:
    loader, former = {"name": "sklearn.datasets.load_diabetes"}, FORMER["table"]
    table = source("table", loader=loader, **former)
    x, y = load_diabetes(return_X_y=True)
    train, _, targets, _ = train_test_split(x.astype(np.float32), y, test_size=0.2, random_state=42)
    assert isinstance(table.input, TableInput)
    assert (table.input.datatype, table.target_scale) == ("float32", None)
    assert table.input.mean == tuple(train.mean(axis=0, dtype=np.float64).tolist())
    assert table.input.std == tuple(train.std(axis=0, dtype=np.float64).tolist())
    np.testing.assert_array_equal(table.train[:][0].numpy(), train)
    np.testing.assert_array_equal(table.train[:][1].numpy(), targets[:, None].astype(np.float32))


def test_rows_are_given_as_an_input_that_was_fitted_before_takes_them() -> None:
    table = columns(a=[1.1, 2.0, 3.0], y=[1, 2, 3])
    before = TableInput(columns=("a",), mean=(5,), std=(2,))
    assert table.refit is not None
    again = table.refit(before)
    assert again.input == before
    assert again.train[:][0].dtype == again.test[:][0].dtype == again.train[:][1].dtype == torch.float32
    assert again.train[:][0][:, 0].tolist() == [np.float32(1.1), 2, 3]
    other = TableInput(columns=("b",), mean=(5,), std=(2,))
    assert refusal(lambda: table.refit(other)).endswith("it lacks b and has a as well")  # type: ignore[misc]
    classes = columns("classes", a=[1, 2, 3], y=[7, 5, 7])
    assert classes.refit is not None
    assert classes.refit(before).train[:][1].dtype == torch.int64


def test_whole_numbers_and_truth_values_are_classes() -> None:
    assert columns("classes", a=[1, 2, 3], y=[7, 5, 7]).labels == ("5", "7")
    assert columns("classes", a=[1, 2, 3], y=[7.0, 5.0, 7.0]).labels == ("5", "7")
    assert columns("classes", a=[1, 2, 3], y=[True, False, True]).train[:][1].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"a": [1, None, 3]}, "column 'a' is missing in row 2; fill or drop it: data.source.args.missing: drop leaves"),
        ({"a": [1.0, 2.0, float("nan")]}, "column 'a' is missing in row 3"),
        ({"a": [1.0, float("-inf"), 3.0]}, "column 'a' is -inf in row 2"),
        ({"a": [1e308, -1.7e308, 3.0]}, "column 'a' is 1e+308 in row 1, which lies too far from the others"),
        ({"y": [1.0, 1.7e308, -1.7e308]}, "column 'y' is 1.0 in row 1, which lies too far from the others"),
        ({"a": ["1", "2", "three"]}, "column 'a' has text 'three' in row 3"),
        ({"a": ["1", "2", "3"]}, "column 'a' holds numbers that are stored as text; say data.source.args.columns_as"),
        ({"a": [1, 2, "three"]}, "column 'a' has 'three' in row 3"),
        ({"a": [1, 2**70, 3]}, "column 'a' has 1180591620717411303424 in row 2, which is beyond 64 bits"),
        ({"a": [1, 2**60, 2**60 + 1]}, "column 'a' has whole numbers with more digits than a float64 keeps, and some"),
        ({"a": [None, None, None]}, "column 'a' has no value in any row; leave it out"),
        ({"a": [1, 2]}, "have different lengths: a 2, y 3"),
        ({"y": [1, 2, None]}, "column 'y' is missing in row 3; a target is never filled"),
        ({"a": [], "y": []}, "has no rows"),
    ],
)
def test_a_bad_cell_is_named(cells: dict[str, list[Any]], words: str) -> None:
    assert words in refusal(lambda: columns(**{"a": [1, 2, 3], "y": [1, 2, 3]} | cells))


def test_a_bad_cell_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n1,1\n,2\n")
    assert f"{path}: column 'a' is missing in line 3" in refusal(lambda: source("table", path=str(path), target="y"))
    path.write_text("a,a,y\n1,2,3\n")
    assert f"{path}: has column 'a' more than once" in refusal(lambda: source("table", path=str(path), target="y"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([1, 1, 1], "column 'y' has one class, '1'"),
        ([1.5, 2, 1], "column 'y' is 1.5 in row 1; a class is text or a whole number"),
        (["a", None, "b"], "column 'y' is missing in row 2"),
        (["a", "b", " "], "column 'y' is missing in row 3"),
        ([1e30, 1.0, 2.0], "column 'y' is 1e+30 in row 1; a class is text or a whole number"),
        ([1.0, float("inf"), 2.0], "column 'y' is inf in row 2"),
    ],
)
def test_bad_classes_are_named(target: list[Any], words: str) -> None:
    assert words in refusal(lambda: columns("classes", a=[1, 2, 3], y=target))


INLINE = {"columns": {"age": [1, 2, 3, 4], "y": [1, 2, 3, 4]}, "target": "y"}
LOADER = "tests.training.data.user_sets"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "give one of path, columns and loader, not none"),
        (INLINE | {"path": "x.csv"}, "not path and columns"),
        (INLINE | {"target": None}, "data.source.args.target: is missing"),
        (INLINE | {"target": "aage"}, "data.source.args.target: there is no column 'aage'; did you mean 'age'?"),
        (INLINE | {"features": ["agee"]}, "data.source.args.features: there is no column 'agee'; did you mean 'age'?"),
        (INLINE | {"features": ["age", "y"]}, "data.source.args.features: 'y' is the target"),
        (INLINE | {"target": ["age", "y"]}, "has no column but the target"),
        (INLINE | {"target": ["y", "age"], "features": [], "targets": "classes"}, "has no column but the target"),
        (INLINE | {"test_fraction": 1}, "data.source.args.test_fraction: 1 is not 0 or more and below 1"),
        (INLINE | {"test_fraction": "half"}, "data.source.args.test_fraction: 'half' is not a number"),
        (INLINE | {"split_seed": -1}, "data.source.args.split_seed: -1 is not between"),
        (INLINE | {"datatype": "float16"}, "data.source.args.datatype: 'float16' is not float64 or float32"),
        (INLINE | {"scale_target": True, "targets": "classes"}, "scale_target: classes are not scaled"),
        (INLINE | {"scale": "yes"}, "data.source.args.scale: 'yes' is not true or false"),
        (INLINE | {"targets": "ranking"}, "data.source.args.targets: 'ranking' is not values or classes"),
        (
            INLINE | {"targets": "classes", "split": "shuffle"},
            "test_fraction: 4 rows cannot be split at 0.2: Value",
        ),
        ({"columns": {"a": [1], "y": [1]}, "target": "y"}, "test_fraction: none of 1 rows is in the test set; change "),
        ({"path": "none.csv", "target": "y"}, "none.csv: no such file"),
        (INLINE | {"columns_as": {"age": "text"}}, "columns_as.age: 'text' is none of number, category, date"),
        (INLINE | {"columns_as": {"agee": "date"}}, "columns_as: there is no column 'agee'; did you mean 'age'?"),
        (INLINE | {"columns_as": {"age": "ignore"}}, "has no column but the target"),
        (INLINE | {"split": "random"}, "data.source.args.split: 'random' is not hash or shuffle"),
        (INLINE | {"missing": "mean"}, "data.source.args.missing: 'mean' is not error or drop or fill or indicator"),
        (INLINE | {"delimiter": ";"}, "data.source.args.delimiter: is for files of text, and there is no path"),
        (INLINE | {"features": ["age", "age"]}, "data.source.args.features: names 'age' more than once"),
        ({"loader": {"name": "sklearn.datasets.load_iris"}, "target": "y"}, "a loader gives its own targets"),
        ({"loader": {"path": "x"}}, "data.source.args.loader: {'path': 'x'} is not {name: package.module"),
        ({"loader": {"name": "sklearn.datasets.load_irs"}}, "cannot import 'sklearn.datasets.load_irs'"),
        ({"loader": {"name": f"{LOADER}.nothing"}}, "gives NoneType; (X, y) or a Bunch of scikit-learn is expected"),
        ({"loader": {"name": "sklearn.datasets.load_iris"}, "features": ["petal"]}, "did you mean 'petal "),
    ],
)
def test_bad_arguments_are_refused(args: dict[str, Any], words: str) -> None:
    assert words in refusal(lambda: source("table", **args))


TITANIC = "PassengerId,Survived,Pclass,Name,Sex,Age,Cabin,Embarked\n" + "".join(
    f'{n},{n % 2},{1 + n % 3},"Doe, Mr. {n}",'
    f"{('male', 'female')[n % 2]},{n or ''},{f'C{n}' if n % 4 else ''},{'SCQ'[n % 3]}\n"
    for n in range(40)
)


@pytest.fixture
def titanic(tmp_path: Path) -> dict[str, Any]:
    """Arguments of a table with text, gaps, ids and names."""
    (tmp_path / "titanic.csv").write_text(TITANIC)
    ways = {"PassengerId": "ignore", "Name": "ignore", "Cabin": "ignore", "Pclass": "category"}
    return {"path": str(tmp_path / "titanic.csv"), "target": "Survived", "targets": "classes", "columns_as": ways}


def test_text_becomes_a_column_for_each_category_and_is_said(titanic: dict[str, Any]) -> None:
    table = source("table", **titanic, missing="fill", test_fraction=0)
    assert isinstance(table.input, TableInput)
    port = ("Embarked=C", "Embarked=Q", "Embarked=S")
    assert table.input.columns == ("Pclass=1", "Pclass=2", "Pclass=3", "Sex=female", "Sex=male", "Age", *port)
    assert table.train[1][0].tolist() == [0, 1, 0, 1, 0, 1, 1, 0, 0]
    assert table.train[0][0][5] == 20  # the median of 1 to 39
    assert [encoder.column for encoder in table.input.encoders] == ["Pclass", "Sex", "Age", "Embarked"]
    assert table.notes == ("missing values (fill): 1 in Age", "Pclass (3), Sex (2), Embarked (3): categories")


def test_a_name_an_id_and_a_gap_are_refused_by_name(titanic: dict[str, Any]) -> None:
    assert "column 'Age' is missing in line 2; fill or drop it" in refusal(lambda: source("table", **titanic))
    without = titanic | {"columns_as": {"Cabin": "ignore"}, "missing": "fill"}
    assert "column 'Name' is text with 40 different values in 40 rows" in refusal(lambda: source("table", **without))


def test_rows_with_gaps_are_dropped_and_counted(titanic: dict[str, Any]) -> None:
    table = source("table", **titanic, missing="drop", test_fraction=0)
    assert (table.train_size, table.notes[0]) == (39, "missing values (drop): 1 in Age")
    assert table.notes[1] == "1 of 40 rows are left out, because they have missing values"


@pytest.mark.parametrize("missing", ["error", "drop", "fill"])
def test_words_for_missing_values_are_no_classes(missing: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n1,x\n2,NA\n3,NaN\n4,null\n5,N/A\n6, z\n7,z \n")
    args = {"path": str(path), "target": "y", "targets": "classes", "test_fraction": 0, "missing": missing}
    if missing != "drop":
        assert "column 'y' is missing in line 3 (4 cells are)" in refusal(lambda: source("table", **args))
        args["missing_targets"] = "drop"
    table = source("table", **args)
    assert (table.labels, table.train[:][1].tolist()) == (("x", "z"), [0, 1, 1])
    every = source("table", **args | {"missing_words": []})
    assert every.labels == ("N/A", "NA", "NaN", "null", "x", "z")


def rows(count: int, **more: Any) -> dict[str, Any]:
    """Arguments of a table with a number and a category in each row."""
    data = {"a": [n * 0.37 for n in range(count)], "k": ["uvw"[n % 3] for n in range(count)]}
    return {"columns": data | {"y": [float(n) for n in range(count)]}, "target": "y"} | more


def test_more_rows_move_none_to_the_other_side() -> None:
    before, after = (source("table", **rows(count)) for count in (200, 258))
    tested, still = ({row.item() for row in table.test[:][1]} for table in (before, after))
    trained = {row.item() for row in after.train[:][1]}
    assert tested <= still
    assert not tested & trained
    assert 20 < len(tested) < 60


def test_equal_rows_are_on_one_side() -> None:
    twice = source("table", columns={"a": [*range(50)] * 2, "y": [*range(50)] * 2}, target="y")
    assert not {row.item() for row in twice.test[:][1]} & {row.item() for row in twice.train[:][1]}


def test_a_listing_counts_the_rows_and_changes_with_them() -> None:
    one, same, other = (source("table", **rows(count)).listings for count in (60, 60, 61))
    assert one == same
    assert one["train"].samples + one["test"].samples == 60
    assert one["train"].sha256 != one["test"].sha256
    assert {one[split].sha256 == other[split].sha256 for split in ("train", "test")} == {True, False}


def test_what_was_fitted_is_never_fitted_again() -> None:
    before, after = source("table", **rows(200)), source("table", **rows(258))
    assert before.input != after.input
    assert after.refit is not None
    again = after.refit(before.input)
    assert again.input == before.input
    assert torch.equal(again.train[:][0], after.train[:][0])
    assert again.listings == after.listings


def test_a_refit_knows_only_the_categories_of_before() -> None:
    before = source("table", **rows(30, missing="fill", test_fraction=0))
    more = rows(33, missing="fill", test_fraction=0)
    more["columns"]["k"][30:] = ["x", None, "w"]
    more["columns"]["a"][32] = None
    after = source("table", **more)
    assert after.refit is not None
    again = after.refit(before.input)
    assert again.train[30:][0][:, 1:].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert again.train[32][0][0].item() == pytest.approx(14.5 * 0.37)
    assert again.notes[-1] == "k: 1 cells have a value that no training row has, and are no category: x"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1.0], "c": ["u"], "y": [1.0]}, "it lacks k and has c as well"),
        ({"a": [1.0], "y": [1.0]}, "it lacks k"),
        ({"a": ["x"], "k": ["u"], "y": [1.0]}, "column 'a' has text 'x' in row 1; every cell must be a number"),
    ],
)
def test_other_columns_are_no_refit(columns: dict[str, Any], words: str) -> None:
    before = source("table", **rows(30))
    other = source("table", columns=columns, target="y", test_fraction=0)
    assert other.refit is not None
    assert words in refusal(lambda: other.refit(before.input))  # type: ignore[misc]


def test_a_model_of_before_encoders_is_refitted_too() -> None:
    plain = TableInput(columns=("b", "a"), mean=(0.0, 1.0), std=(1.0, 2.0))
    table = source("table", columns={"a": [1, 2], "b": [3, 4], "y": [1, 2]}, target="y", test_fraction=0)
    assert table.input.encoders == ()  # type: ignore[union-attr]
    assert table.refit is not None
    again = table.refit(plain)
    assert (again.input, again.train[0][0].tolist()) == (plain, [3, 1])


def test_a_file_of_another_country(tmp_path: Path) -> None:
    path = tmp_path / "winequality.csv"
    path.write_text('"fixed acidity";"pH";"quality"\n7,4;3,51;5\n7,8;3,2;6\n')
    table = source("table", path=str(path), target="quality", test_fraction=0)
    np.testing.assert_allclose(table.train[:][0], [[7.4, 3.51], [7.8, 3.2]], rtol=1e-6)
    assert table.notes == ("cells are separated by ';'", "numbers have decimal ','")


def test_an_index_that_pandas_stored_is_no_feature(tmp_path: Path) -> None:
    index = np.random.default_rng(0).permutation(400)
    noise = np.random.default_rng(1).normal(size=400)
    rows = pa.table({"a": noise, "y": (index >= 200).astype(int), "__index_level_0__": index})
    pa.parquet.write_table(rows, tmp_path / "t.parquet")
    table = source("table", path=str(tmp_path / "t.parquet"), target="y", targets="classes")
    assert table.input.columns == ("a",)  # type: ignore[union-attr]
    assert table.notes == ("'__index_level_0__' is the index that pandas stored, and left out",)
