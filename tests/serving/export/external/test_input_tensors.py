"""Inputs as a server takes them: missing values, and a table's columns."""

import pytest

from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.input_tensors import input_tensors


def tensors(*words: str, allow_nan: bool = False, columns: str | None = None) -> tuple[TensorSpec, ...]:
    return input_tensors([read_input(text, number, {}) for number, text in enumerate(words)], allow_nan, columns)


def test_missing_values_are_taken_where_the_user_says_so() -> None:
    assert [spec.allow_nan for spec in tensors("table:3", "tensor:INT64:3")] == [False, False]
    assert [spec.allow_nan for spec in tensors("table:3", "tensor:INT64:3", allow_nan=True)] == [True, False]
    with pytest.raises(UserError, match="--allow-nan: none of the inputs is of floating-point numbers"):
        tensors("tensor:INT64:3", allow_nan=True)


@pytest.mark.parametrize("kept", [False, True])
def test_a_tables_columns_have_the_names_that_the_user_says(kept: bool) -> None:
    (row,) = tensors("table:3", allow_nan=kept, columns="age, fare,deck")
    assert row.table is not None
    assert (row.table.names, row.table.keeps_nan) == (("age", "fare", "deck"), kept)


@pytest.mark.parametrize(
    ("what", "columns", "words"),
    [
        ("table:3", "a,b", "--columns: has 2 names; --input says 3 columns"),
        ("table:3", "a,b,a", "--columns: names 'a' more than once"),
        ("table:3", "a,,b", "--columns: has an empty name"),
        ("tensor:INT64:3", "a,b,c", "--columns: is for a model of one table"),
    ],
)
def test_columns_that_cannot_be_a_tables_are_refused(what: str, columns: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        tensors(what, columns=columns)
