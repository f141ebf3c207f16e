"""Lines of columns, by the names of the inputs."""

import numpy as np
import pytest

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.column_lines import are_columns, from_columns
from torchferry.serving.errors import NotDecodable, WrongTensor

AGE = TensorSpec(name="age", datatype="INT64", shape=(-1, 1))
CITY = TensorSpec(name="city", datatype="BYTES", shape=(-1, 1))
DECK = TensorSpec(name="deck", datatype="BYTES", shape=(-1,))


def test_cells_go_to_the_inputs_that_the_first_line_names() -> None:
    found = from_columns(b'city,deck,age\n"Bonn, am Rhein",A,3\n12,,4\n', [AGE, CITY, DECK], 9)
    assert found["city"].tolist() == [[b"Bonn, am Rhein"], [b"12"]]
    assert found["deck"].tolist() == [b"A", b""]
    np.testing.assert_array_equal(found["age"], np.array([[3], [4]], np.int64))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"3,Bonn\n", "the first line names the inputs age, city, with commas, and it is '3,Bonn'"),
        (b"", "and there is none"),
        (b"age,city\n", "line 1 names the inputs, and no line follows it"),
        (b"age,city\n3,Bonn\n4\n", "line 3: has 1 cells; 2 are expected: age, city"),
    ],
)
def test_other_lines_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(WrongTensor, match=words):
        from_columns(body, [AGE, CITY], 9)


def test_a_word_where_a_number_is_due_is_told_by_its_line() -> None:
    with pytest.raises(NotDecodable, match="line 2: could not convert string to float: 'x'"):
        from_columns(b"age,city\nx,Bonn\n", [AGE, CITY], 9)


def test_one_input_of_numbers_is_no_column() -> None:
    assert are_columns([CITY])
    assert are_columns([AGE, DECK])
    assert not are_columns([AGE])
    assert not are_columns([AGE, TensorSpec(name="wide", datatype="BYTES", shape=(-1, 2))])
