"""NaN and infinity are taken or refused alike, whichever way the numbers came."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import from_json, from_numbers, from_raw
from torchferry.serving.codec.values import checked_values
from torchferry.serving.errors import WrongTensor

TABLE = TableSpec(columns=(Encoder(column="age", fill=30.0), Encoder(column="fare")))


def spec(allow_nan: bool | None, datatype: str = "FP32", table: TableSpec | None = None) -> TensorSpec:
    return TensorSpec(name="row", datatype=datatype, shape=(-1, 2), allow_nan=allow_nan, table=table)


def by_json(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    """With Python's NaN, as its json writes it."""
    tensor = {"datatype": of.datatype, "shape": list(values.shape), "data": values.tolist()}
    return from_json(json.loads(json.dumps(tensor)), of)


def by_null(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    data = [[None if np.isnan(value) else value for value in row] for row in values.tolist()]
    return from_json({"datatype": of.datatype, "shape": list(values.shape), "data": data}, of)


def typed(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    return from_numbers(values.ravel().tolist(), values.shape, of)


def raw(values: np.ndarray, of: TensorSpec) -> np.ndarray:
    return from_raw(values.tobytes(), values.shape, of)


ways = pytest.mark.parametrize("way", [by_json, by_null, typed, raw])
Way = Callable[[np.ndarray, TensorSpec], np.ndarray]
GAP, HOLE = np.array([[1, 2], [np.nan, 4]], np.float32), np.array([[1, np.inf]], np.float32)


@ways
def test_nan_is_taken_where_the_model_takes_it(way: Way) -> None:
    found = way(GAP, spec(True))
    np.testing.assert_array_equal(found, GAP)
    assert found.dtype == np.float32


@ways
def test_nan_is_refused_where_it_does_not(way: Way) -> None:
    with pytest.raises(WrongTensor, match=r"'row' is missing \(NaN\) at \[1, 0\]; the model does not take missing"):
        way(GAP, spec(False))


@ways
@pytest.mark.parametrize("allow_nan", [False, True])
def test_infinity_is_not_taken_with_nan(way: Way, allow_nan: bool) -> None:
    with pytest.raises(WrongTensor, match=r"'row' is infinite at \[0, 1\]; finite numbers are taken"):
        way(HOLE, spec(allow_nan))


@ways
def test_infinity_is_taken_where_the_model_takes_it(way: Way) -> None:
    infinite = replace(spec(False), allow_infinity=True)
    np.testing.assert_array_equal(way(HOLE, infinite), HOLE)
    with pytest.raises(WrongTensor, match=r"'row' is missing \(NaN\) at \[1, 0\]"):
        way(GAP, infinite)
    with pytest.raises(WrongTensor, match="values outside"):
        typed(np.array([[1, 1e39]]), infinite)


@ways
def test_a_tables_gap_is_filled_as_in_training(way: Way) -> None:
    assert way(GAP, spec(True, table=TABLE)).tolist() == [[1, 2], [30, 4]]
    with pytest.raises(WrongTensor, match="'row': row 1: 'fare' is missing, and the model was trained without"):
        way(GAP[::-1, ::-1], spec(True, table=TABLE))


@ways
def test_a_table_names_the_column(way: Way) -> None:
    with pytest.raises(WrongTensor, match=r"'row' is missing \(NaN\) in row 2, 'age'"):
        way(GAP, spec(False, table=TABLE))
    with pytest.raises(WrongTensor, match=r"'row' is infinite in row 1, 'fare'"):
        way(HOLE, spec(True, table=TABLE))


def test_a_bundle_of_before_takes_raw_elements_as_they_are_and_nothing_else() -> None:
    np.testing.assert_array_equal(raw(GAP, spec(None)), GAP)
    np.testing.assert_array_equal(raw(HOLE, spec(None)), HOLE)
    for way in (by_json, by_null, typed):
        with pytest.raises(WrongTensor, match="does not take missing values"):
            way(GAP, spec(None))


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_large_numbers_are_finite_however_many(datatype: str) -> None:
    dtype: Any = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64}[datatype]
    values = np.full((3, 2), np.finfo(dtype).max, dtype)
    assert checked_values(values, spec(False, datatype)) is values


def test_null_is_no_whole_number() -> None:
    of = TensorSpec(name="ids", datatype="INT64", shape=(-1, 2), allow_nan=False)
    with pytest.raises(WrongTensor, match="'ids' has null in its data; INT64 numbers are taken"):
        from_json({"datatype": "INT64", "shape": [1, 2], "data": [1, None]}, of)


def test_what_is_beyond_the_range_is_said_so_also_beside_a_gap() -> None:
    with pytest.raises(WrongTensor, match=r"outside .* the range of FP32"):
        from_numbers([1e39, float("nan")], [1, 2], spec(True))
