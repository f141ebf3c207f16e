"""Lines of text are taken apart at the delimiter that gives the columns."""

import pytest

from tests.serving.predict.samples import picture
from torchferry.serving.codec.lines import read_lines
from torchferry.serving.errors import NotDecodable

NAMES = ("age", "sex, of the passenger")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_gives_the_names(delimiter: str) -> None:
    body = f'age{delimiter}"sex, of the passenger"\n1{delimiter}"a\nb"\n\n2{delimiter}c\n'.encode()
    lines = read_lines(body, (2,), NAMES)
    assert lines.cells == [list(NAMES), ["1", "a\nb"], ["2", "c"]]
    assert lines.numbers == [1, 2, 5]
    assert lines.behind_first.place(1) == "line 5"


def test_without_names_it_is_the_one_that_gives_as_many_cells() -> None:
    assert read_lines(b"1,5;2,5\n", (2,)).first == ["1,5", "2,5"]
    assert read_lines(b"1,2;3,4\n", (9,)).first == ["1", "2;3", "4"]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert read_lines(b"\xef\xbb\xbfage\r\n1\r\n", (1,), ("age",)).cells == [["age"], ["1"]]


@pytest.mark.parametrize(("body", "are_numbers"), [(b",a\n0,x\n1,y\n", True), (b"Unnamed: 0,a\n7,x\n", True),
                                                  (b",a\n0,x\n0,y\n", False), (b"n,a\n0,x\n", False),
                                                  (b",a\nz,x\n", False)])  # fmt: skip
def test_a_column_that_numbers_the_rows_has_no_name(body: bytes, are_numbers: bool) -> None:
    lines = read_lines(body, (1,), ("a",))
    assert lines.number_their_rows is are_numbers
    assert lines.without_first_column.first == ["a"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"age\n3\n\xe9\n",
            "nor lines of numbers with commas: line 3 has the byte 0xe9, which is not UTF-8",
        ),
        ("age\n3\n".encode("utf-16"), "line 1 has the byte 0xff, which is not UTF-8; save it as UTF-8"),
        (picture(), "the body is a picture, and the model takes none; send JSON or lines"),
    ],
)
def test_bytes_that_are_no_text_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(NotDecodable, match=words):
        read_lines(body, (1,))


def test_names_that_are_all_wrong_are_taken_apart() -> None:
    assert read_lines(b"Id;Age;Fare\n1;3;7\n", (2,), ("age", "fare")).first == ["Id", "Age", "Fare"]


def test_nothing_is_no_line() -> None:
    assert read_lines(b"\n\n", (1,)).cells == []
