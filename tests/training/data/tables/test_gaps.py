"""pandas's words for missing values are missing everywhere, and blanks around text are no part of it."""

from typing import Any

import pyarrow as pa
import pytest

from torchferry.contract.missing_words import WORDS
from torchferry.training.data.tables.gaps import is_text, with_gaps


@pytest.mark.parametrize("word", ["", " ", *WORDS, " NA "])
def test_a_word_for_missing_is_no_value(word: str) -> None:
    table = pa.table({"a": ["x", word, "y"], "b": pa.array([word, "u", "v"]).dictionary_encode()})
    assert with_gaps(table, WORDS).to_pydict() == {"a": ["x", None, "y"], "b": [None, "u", "v"]}


@pytest.mark.parametrize("text", ["na", "Nan", "none", "-", "?", "0", "NA1"])
def test_other_words_are_values(text: str) -> None:
    assert with_gaps(pa.table({"a": [text]}), WORDS).to_pydict() == {"a": [text]}


def test_the_words_may_be_others() -> None:
    assert with_gaps(pa.table({"a": ["?", "NA", ""]}), ["?"]).to_pydict() == {"a": [None, "NA", None]}


@pytest.mark.parametrize(
    ("cells", "found"),
    [([1.5, float("nan"), None], [1.5, None, None]), ([1, None], [1, None]), ([" u ", "v"], ["u", "v"])],
)
def test_numbers_that_are_none_are_missing_and_the_rest_stays(cells: list[Any], found: list[Any]) -> None:
    assert with_gaps(pa.table({"a": cells}), WORDS).to_pydict() == {"a": found}


def test_every_type_of_text_is_text() -> None:
    assert all(map(is_text, (pa.string(), pa.large_string(), pa.string_view())))
    assert not is_text(pa.int64())
