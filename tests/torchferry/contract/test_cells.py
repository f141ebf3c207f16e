"""A cell, of text or of JSON, is what its column holds, or is refused with what would be right."""

import math
from typing import Any

import numpy as np
import pytest

from torchferry.contract.cells import CellText, NotACell, read_cells
from torchferry.contract.encoders import Encoder

TEXT = CellText()
AGE = Encoder(column="age")
WARD = Encoder(column="ward", kind="category", categories=("2.5", "3.0"))
SEX = Encoder(column="sex", kind="category", categories=("f", "m"))
JOINED = Encoder(column="joined", kind="date")


@pytest.mark.parametrize("cell", [None, math.nan, "", " ", "NA", "nan", " null ", "None"])
def test_what_is_missing_is_missing_in_every_kind(cell: Any) -> None:
    assert np.isnan(read_cells([cell], AGE, TEXT)).all()
    assert np.isnan(read_cells([cell], JOINED, TEXT)).all()
    assert read_cells([cell], SEX, TEXT).tolist() == [None]


def test_the_words_for_missing_are_those_of_the_training() -> None:
    text = CellText(missing_words=("?",))
    assert read_cells(["?", "NA"], SEX, text).tolist() == [None, "NA"]


@pytest.mark.parametrize(
    ("cell", "number"), [(3, 3), (3.5, 3.5), ("3", 3), (" 1e3 ", 1000), (True, 1), ("false", 0), (2**60, 2.0**60)]
)
def test_a_number_may_be_text_as_in_a_file(cell: Any, number: float) -> None:
    assert read_cells([cell], AGE, TEXT).tolist() == [number]


@pytest.mark.parametrize(
    ("cell", "of", "category"),
    [
        ("f", SEX, "f"),
        (" m ", SEX, "m"),
        ("x", SEX, "x"),
        (3, WARD, "3.0"),
        (3.0, WARD, "3.0"),
        (2.5, WARD, "2.5"),
        (7, WARD, "7"),
        (3.0, Encoder(column="ward", kind="category", categories=("3",)), "3"),
        (True, Encoder(column="paid", kind="category", categories=("False", "True")), "True"),
        (True, Encoder(column="paid", kind="category", categories=("false", "true")), "true"),
    ],
)
def test_a_number_is_the_category_that_training_wrote_so(cell: Any, of: Encoder, category: str) -> None:
    assert read_cells([cell], of, TEXT).tolist() == [category]


@pytest.mark.parametrize(
    ("cell", "of", "words"),
    [
        ("old", AGE, "is 'old'; a number is expected"),
        ("1,5", AGE, r"is '1,5'; a number is expected, with decimal '\.' and no sign between thousands"),
        ("1,234.5", AGE, "is '1,234.5'; a number is expected, with decimal"),
        ("x" * 99, AGE, f"is '{'x' * 56}...; a number is expected"),
        ([3], AGE, r"is \[3\]; a cell is a number, text, true, false or null"),
        ({"a": 1}, SEX, "a cell is a number, text, true, false or null"),
        ("inf", AGE, "is 'inf'; every number must be a finite one"),
        (math.inf, AGE, "is inf; every number must be a finite one"),
        (10**400, AGE, "every number must be a finite one"),
        ("3/4/2026", JOINED, "is '3/4/2026'; a date such as 2026-01-31 or 2026-01-31T12:30:00Z is expected"),
        (1769817600, JOINED, "is 1769817600; a date such as"),
        ("2026-01-31", Encoder(column="d", kind="date", form="%d.%m.%Y"), r"a date as %d\.%m\.%Y says is expected"),
    ],
)
def test_a_cell_of_another_kind_says_what_is_expected(cell: Any, of: Encoder, words: str) -> None:
    with pytest.raises(NotACell, match=words) as error:
        read_cells([None, cell], of, TEXT)
    assert error.value.row == 1
