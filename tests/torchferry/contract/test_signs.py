"""Numbers in a cell of text are those that training's reader finds there."""

import math

import pyarrow as pa
import pytest

from torchferry.contract.signs import Signs
from torchferry.training.data.tables.text_numbers import numbers_in

TEXTS = (
    "1e3",
    "+1.",
    "-.5",
    "inf",
    "1,5",
    "0x1f",
    "1_000",
    "1.234,5",
    "1,234",
    "12,34,567",
    "1'234.5",
    "٣",
    "1 2",
    "e5",
)


@pytest.mark.parametrize("signs", [Signs(), Signs(","), Signs(",", "."), Signs(".", ","), Signs(".", "'")])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_the_number_that_training_reads(signs: Signs, text: str) -> None:
    cells = pa.chunked_array([pa.array([text, "other"], pa.large_string())])
    assert signs.number(text) == numbers_in(cells, signs)[0].as_py()


@pytest.mark.parametrize("text", ["nan", "NaN", "-NAN"])
def test_nan_is_a_number_in_words(text: str) -> None:
    found = Signs().number(text)
    assert found is not None
    assert math.isnan(found)


def test_signs_are_said_in_words() -> None:
    assert [str(Signs(",")), str(Signs(".", ","))] == ["decimal ','", "decimal '.' and thousands ','"]
