"""Lines of text are taken apart at the delimiter that gives the columns."""

import pytest

from tests.serving.predict.samples import picture
from torchferry.serving.codec.lines import MAX_CELLS, read_lines
from torchferry.serving.errors import NotDecodable, TooLarge

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


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b",a\n0,x\n1,y\n", ["1 numbers"]),
        (b"Unnamed: 0,a\n7,x\n", ["1 numbers"]),
        (b",a,\n0,x,\n1,y, \n", ["1 numbers", "3 is empty"]),
        (b"a,\nx,\n", ["2 is empty"]),
        (b"a,\nx\n", []),
        (b",a\n0,x\n0,y\n", []),
        (b"n,a\n0,x\n", []),
        (b",a\nz,x\n", []),
    ],
)
def test_a_column_without_a_name_that_numbers_rows_or_is_empty_is_left_out(body: bytes, left: list[str]) -> None:
    lines, notes = read_lines(body, (1,), ("a",)).without_unnamed(())
    said = [each.removeprefix("column ").replace(", which has no name and", "") for each in notes]
    assert [each.removesuffix(", is left out").removesuffix(" the rows") for each in said] == left
    assert not left or lines.first == ["a"]


def test_a_known_name_is_one_whatever_it_looks_like() -> None:
    lines = read_lines(b"Unnamed: 0,a\n7,x\n", (2,), ("a",))
    assert lines.without_unnamed(("Unnamed: 0",)) == (lines, ())


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


@pytest.mark.parametrize("body", [b"", b"\n\n", b" \r\n\t"])
def test_nothing_is_no_line(body: bytes) -> None:
    assert read_lines(body, (1,)).cells == []


def test_more_lines_than_are_wanted_are_refused() -> None:
    assert len(read_lines(b"1\n2\n\n3", (1,), (), 3).cells) == 3
    with pytest.raises(TooLarge, match="the body has more than 2 lines; 2 are allowed"):
        read_lines(b"1\n2\n3", (1,), (), 2)


@pytest.mark.parametrize("cell", [b",", b"\n", b"\t", b'"",'])
def test_more_cells_than_are_read_are_refused(cell: bytes) -> None:
    with pytest.raises(TooLarge, match="the body has more than 2,097,152 cells"):
        read_lines(cell * (MAX_CELLS + 1), (1,))


def test_very_many_columns_without_a_name_are_told_in_time() -> None:
    """To look at the first line anew for each of them would take minutes."""
    count = 50_000
    lines = read_lines(b"a" + b"," * count + b"\n1" + b"," * count, (1,), ("a",))
    kept, notes = lines.without_unnamed(("a",))
    assert (kept.cells, len(notes)) == ([["a"], ["1"]], count)


def test_a_line_may_hold_very_many_numbers() -> None:
    """Read with a delimiter that it does not have it is one cell, longer than Python's csv takes."""
    body = b",".join([b"0.125"] * 144_160)
    assert len(read_lines(body, (144_160,)).first) == 144_160


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'a,b\n1,"x\n2,y\n', "a quote is opened and never closed"),
        (b'a,b\n1,"x"y\n', "',' expected after '\"'"),
    ],
)
def test_a_quote_does_not_take_in_what_follows(body: bytes, words: str) -> None:
    with pytest.raises(NotDecodable, match=words):
        read_lines(body, (2,))


def test_a_quote_within_a_cell_is_a_letter() -> None:
    body = b'size,"a;b"\n5" wide,"x ""y""\nz"\n'
    assert read_lines(body, (2,), ("size",)).cells == [["size", "a;b"], ['5" wide', 'x "y"\nz']]
