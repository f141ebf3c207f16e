"""Files of rows, as UCR's archive has them."""

from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.series.row_file import read_rows


@pytest.mark.parametrize("separator", ["\t", ",", "  "])
def test_a_row_is_a_class_and_a_series(separator: str) -> None:
    found = read_rows(Path("x"), "1,0.5,2\n\n-1,3,NaN\n".replace(",", separator))
    assert [(each.target, each.values.tolist(), each.where) for each in found.series] == [
        ("1", [[0.5], [2]], "line 1"),
        ("-1", [[3]], "line 3"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\t2\n1\tx\n", "line 2: could not convert string to float: 'x'; a class and then numbers are expected"),
        ("1\tNaN\t2\n", "line 1 has a value at step 0 that is missing"),
        ("1\n", "line 1 has no steps"),
        ("", "has no series"),
    ],
)
def test_what_is_no_such_row_is_named(text: str, words: str) -> None:
    assert refusal(lambda: read_rows(Path("x"), text)).startswith(f"x: {words}")
