"""A table's file to rows: its delimiter, its line of names, and what is said of both."""

import pytest

from torchferry.errors import UserError
from torchferry.serving.predict.rows import delimiter_of, rows, word_in


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
        ["t.csv: its first line is taken for the columns' names, as 'age' is no number"],
    )


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("age,price|eur\n3,7\n4,8\n", ","),
        ("age|size;m\n3|7\n", "|"),
        ("a;b\n1,5;2,5\n", ";"),
        ("1,5;2,5\n1,5;3,5\n", ";"),
        ('a,b\n"1;2;3",4\n5\n', ","),
        ("age\n3\n", ","),
        ("\na\tb\n1\t2\n", "\t"),
        ("a;b,c\n1,2\n", ","),
        ("", ","),
    ],
)
def test_the_delimiter_is_the_one_that_most_lines_have_alike(text: str, delimiter: str) -> None:
    assert delimiter_of(text.splitlines(keepends=True)) == delimiter


def test_cells_keep_their_quotes_commas_and_line_breaks() -> None:
    found, _ = read('name,town\n"a, b","c\nd"\n')
    assert found == [(1, b'"a, b","c\nd"\n', b"name,town\n")]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("1,2", None),
        ("1,,nan", None),
        ("-1e5, +inf", None),
        ("age,fare", "age"),
        (", age", "age"),
        ("2020,age", "age"),
    ],
)
def test_names_are_words_that_are_no_numbers(line: str, word: str | None) -> None:
    assert word_in(line.split(",")) == word


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^t\.csv: is empty; give a file of rows"):
        read(text)


def test_what_is_no_csv_is_refused() -> None:
    with pytest.raises(UserError, match=r"^t\.csv: cannot be read as lines of values .*\("):
        read('1,2\n"3,4\n')
