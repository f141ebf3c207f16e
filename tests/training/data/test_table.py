import datetime
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
from torchferry.training.data.source import Source, TableInput, TargetScale

CSV = "a,b,kind,y\n" + "".join(f"{n},{n * 0.5},{'xyz'[n % 3]},{n * 10}\n" for n in range(12))


def columns(task: str = "regression", **given: list[Any]) -> Source:
    return source("table", columns=given, target="y", test_fraction=0, task=task)


def test_a_loader_gives_scikit_learns_own_split_and_scaling() -> None:
    diabetes = source("table", loader={"name": "sklearn.datasets.load_diabetes"})
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
    cancer = source("table", loader={"name": name}, task="classification", features=["mean texture"], scale=False)
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
    made = source("table", loader=loader)
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
    classes = source("table", path=path, target="kind", task="classification", test_fraction=0.25)
    assert classes.labels == ("x", "y", "z")
    assert sorted(classes.test[:][1].tolist()) == [0, 1, 2]
    assert classes.input.columns == ("a", "b", "y")  # type: ignore[union-attr]
    row, kind_of_row = classes.train[0]
    assert int(row[0]) % 3 == int(kind_of_row)


def test_scaling_is_of_the_training_rows_and_a_constant_column_stays() -> None:
    data = {"a": [float(n) for n in range(10)], "same": [0.1] * 10, "y": [1.0] * 10}
    table = source("table", columns=data, target="y")
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
    assert len(((x - table.input.mean[0]) / table.input.std[0]).float().unique()) == 800
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
    loader, former = {"name": "sklearn.datasets.load_diabetes"}, {"datatype": "float32", "scale_target": False}
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
    assert refusal(lambda: table.refit(other)) == "data.source: has columns a; the model was trained with b"  # type: ignore[misc]
    classes = columns("classification", a=[1, 2, 3], y=[7, 5, 7])
    assert classes.refit is not None
    assert classes.refit(before).train[:][1].dtype == torch.int64


def test_whole_numbers_and_truth_values_are_classes() -> None:
    assert columns("classification", a=[1, 2, 3], y=[7, 5, 7]).labels == ("5", "7")
    assert columns("classification", a=[1, 2, 3], y=[7.0, 5.0, 7.0]).labels == ("5", "7")
    assert columns("classification", a=[1, 2, 3], y=[True, False, True]).train[:][1].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"a": [1, None, 3]}, "column 'a' is empty in row 2"),
        ({"a": [1.0, 2.0, float("nan")]}, "column 'a' is nan in row 3"),
        ({"a": [1.0, float("-inf"), 3.0]}, "column 'a' is -inf in row 2"),
        ({"a": [1e308, -1.7e308, 3.0]}, "column 'a' is 1e+308 in row 1, which lies too far from the others"),
        ({"y": [1.0, 1.7e308, -1.7e308]}, "column 'y' is 1.0 in row 1, which lies too far from the others"),
        ({"a": ["1", "2", "three"]}, "column 'a' has text 'three' in row 3"),
        ({"a": ["1", "2", "3"]}, "column 'a' has text '1' in row 1"),
        ({"a": [1, 2, "three"]}, "column 'a' has 'three' in row 3"),
        ({"a": [None, None, None]}, "column 'a' is empty in row 1"),
        ({"a": [datetime.date(2026, 1, 1)] * 3}, "column 'a' is of type date32[day], not a number"),
        ({"a": [1, 2]}, "have different lengths: a 2, y 3"),
        ({"y": [1, 2, None]}, "column 'y' is empty in row 3"),
        ({"a": [], "y": []}, "has no rows"),
    ],
)
def test_a_bad_cell_is_named(cells: dict[str, list[Any]], words: str) -> None:
    assert words in refusal(lambda: columns(**{"a": [1, 2, 3], "y": [1, 2, 3]} | cells))


def test_a_bad_cell_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n1,1\n,2\n")
    assert f"{path}: column 'a' is empty in row 2" in refusal(lambda: source("table", path=str(path), target="y"))
    path.write_text("a,a,y\n1,2,3\n")
    assert f"{path}: has column 'a' more than once" in refusal(lambda: source("table", path=str(path), target="y"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([1, 1, 1], "column 'y' has one class, '1'"),
        ([1.5, 2, 1], "column 'y' is 1.5 in row 1; a class is text or a whole number"),
        (["a", None, "b"], "column 'y' is empty in row 2"),
        (["a", "b", " "], "column 'y' is empty in row 3"),
    ],
)
def test_bad_classes_are_named(target: list[Any], words: str) -> None:
    assert words in refusal(lambda: columns("classification", a=[1, 2, 3], y=target))


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
        (INLINE | {"target": ["y", "age"], "features": [], "task": "classification"}, "has no column but the target"),
        (INLINE | {"test_fraction": 1}, "data.source.args.test_fraction: 1 is not 0 or more and below 1"),
        (INLINE | {"test_fraction": "half"}, "data.source.args.test_fraction: 'half' is not a number"),
        (INLINE | {"split_seed": -1}, "data.source.args.split_seed: -1 is not between"),
        (INLINE | {"datatype": "float16"}, "data.source.args.datatype: 'float16' is not float64 or float32"),
        (INLINE | {"scale_target": True, "task": "classification"}, "scale_target: classes are not scaled"),
        (INLINE | {"scale": "yes"}, "data.source.args.scale: 'yes' is not true or false"),
        (INLINE | {"task": "ranking"}, "data.source.args.task: 'ranking' is not regression or classification"),
        (INLINE | {"task": "classification"}, "test_fraction: 4 rows cannot be split at 0.2: ValueError"),
        ({"columns": {"a": [1], "y": [1]}, "target": "y"}, "test_fraction: 1 rows cannot be split at 0.2"),
        ({"path": "none.csv", "target": "y"}, "none.csv: no such file"),
        ({"path": "table.xls", "target": "y"}, "'table.xls' ends in none of .csv, .parquet, .pq"),
        ({"loader": {"name": "sklearn.datasets.load_iris"}, "target": "y"}, "a loader gives its own targets"),
        ({"loader": {"path": "x"}}, "data.source.args.loader: {'path': 'x'} is not {name: package.module"),
        ({"loader": {"name": "sklearn.datasets.load_irs"}}, "cannot import 'sklearn.datasets.load_irs'"),
        ({"loader": {"name": f"{LOADER}.nothing"}}, "gives NoneType; (X, y) or a Bunch of scikit-learn is expected"),
        ({"loader": {"name": "sklearn.datasets.load_iris"}, "features": ["petal"]}, "did you mean 'petal "),
    ],
)
def test_bad_arguments_are_refused(args: dict[str, Any], words: str) -> None:
    assert words in refusal(lambda: source("table", **args))


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text(CSV)
    assert f"{path}: cannot be read as a .parquet table" in refusal(lambda: source("table", path=str(path), target="y"))
