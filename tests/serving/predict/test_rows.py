"""A table's file to rows: its delimiter, its line of names, and what is said of both."""

import pytest

from torchferry.errors import UserError
from torchferry.serving.predict.rows import are_names, rows


def read(text: str) -> tuple[list[tuple[int | None, bytes, bytes]], list[str]]:
    said: list[str] = []
    found = rows(text.splitlines(keepends=True), "t.csv", said.append)
    return [(sample.row, sample.content, sample.names) for sample in found], said


@pytest.mark.parametrize("text", ["1,2\n3,nan\n", "1\t2\n3\tnan", "1;2\n\n3;nan\n", "1|2\r\n3|nan\r\n"])
def test_rows_without_names_are_numbered_from_the_first_line(text: str) -> None:
    assert read(text) == (
        [(1, b"1,2\n", b""), (2, b"3,nan\n", b"")],
        ["t.csv: its first line is taken for a sample, not for names"],
    )


@pytest.mark.parametrize("text", ["age,fare\n3,7\n", "age\tfare\n3\t7\n"])
def test_a_line_of_names_is_sent_with_each_row_and_not_counted(text: str) -> None:
    assert read(text) == (
        [(1, b"3,7\n", b"age,fare\n")],
        ["t.csv: its first line is taken for the columns' names"],
    )


def test_cells_keep_their_quotes_commas_and_line_breaks() -> None:
    found, _ = read('name,town\n"a, b","c\nd"\n')
    assert found == [(1, b'"a, b","c\nd"\n', b"name,town\n")]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("1,2", False),
        ("1,,nan", False),
        ("-1e5, +inf", False),
        ("age,fare", True),
        (",age", True),
        ("age,2020", True),
    ],
)
def test_names_are_words_that_are_no_numbers(line: str, names: bool) -> None:
    assert are_names(line.split(",")) == names


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^t\.csv: is empty; give a file of rows"):
        read(text)


def test_what_is_no_csv_is_refused() -> None:
    with pytest.raises(UserError, match=r"^t\.csv: cannot be read as lines of values .*\("):
        read('1,2\n"3,4\n')
