"""Encoders are plain tables, applied without scikit-learn."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.contract.encoders import Encoder, encode, missing_cells

NUMBER = Encoder(column="age", fill=30.0, indicator=True)
KIND = Encoder(column="sex", kind="category", categories=("f", "m"))
TEXT = np.array(["m", "f", "x", None], object)


def test_the_columns_are_named_by_what_they_say() -> None:
    assert NUMBER.names == ("age", "age is missing")
    assert KIND.names == ("sex=f", "sex=m")
    assert Encoder(column="sex", kind="category", categories=("f",), indicator=True).names == (
        "sex=f",
        "sex is missing",
    )
    assert [each.is_plain for each in (Encoder(column="a"), NUMBER, KIND, Encoder(column="d", kind="date"))] == [
        True,
        False,
        False,
        False,
    ]


def test_numbers_are_filled_and_marked() -> None:
    values = np.array([1.5, np.nan])
    assert NUMBER.encode(values).tolist() == [[1.5, 0], [30, 1]]
    assert Encoder(column="age").encode(values[:1]).tolist() == [[1.5]]
    assert np.isnan(values[1])  # the cells stay as they were


@pytest.mark.parametrize(
    ("more", "last"),
    [({"fill": "f"}, [1, 0]), ({"indicator": True}, [0, 0, 1])],
)
def test_a_missing_category_is_filled_or_one_of_its_own(more: dict[str, str | bool], last: list[int]) -> None:
    found = Encoder(column="sex", kind="category", categories=("f", "m"), **more).encode(TEXT)  # type: ignore[arg-type]
    assert found[:, :2].tolist()[:3] == [[0, 1], [1, 0], [0, 0]]
    assert found[3].tolist() == last


def test_what_no_training_row_has_is_told_apart() -> None:
    assert KIND.unseen(TEXT).tolist() == [False, False, True, False]
    assert not NUMBER.unseen(np.array([7.0])).any()


@pytest.mark.parametrize(("encoder", "cells"), [(KIND, TEXT), (Encoder(column="sex"), np.array([np.nan]))])
def test_a_gap_that_nothing_stands_for_is_refused(encoder: Encoder, cells: np.ndarray) -> None:
    assert refusal(lambda: encoder.encode(cells)).startswith("column 'sex' has missing values")


def test_all_columns_stand_side_by_side_in_float64() -> None:
    found = encode([KIND, NUMBER], [TEXT[:2], np.array([1e300, np.nan])])
    assert found.dtype == np.float64
    assert found.tolist() == [[0, 1, 1e300, 0], [1, 0, 30, 1]]


def test_an_encoder_is_the_same_after_json() -> None:
    for encoder in (NUMBER, KIND):
        read = json.loads(json.dumps(asdict(encoder)))
        assert Encoder(**read | {"categories": tuple(read["categories"])}) == encoder


def test_none_and_nan_are_missing() -> None:
    assert missing_cells(TEXT).tolist() == [False, False, False, True]
    assert missing_cells(np.array([1, np.nan])).tolist() == [False, True]
