"""How a file of text is written is found where there is one possibility, and refused where there are several."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.text_format import (
    Dialect,
    TextFormat,
    comment_of,
    delimiter_of,
    shortened,
    single_blanks,
    without_comments,
)


def delimiter(text: str, suffix: str = ".csv", **given: Any) -> str:
    return delimiter_of(text, suffix, TextFormat(**given), ["y"], "t")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b,y\n1,2,3\n", ","),
        ("a;b;y\n1,5;2,5;3\n", ";"),
        ("a\tb\ty\n1,5\t2;5\t3\n", "\t"),
        ("a|b|y\n1|2|3\n", "|"),
        ('a;"b, c";y\n1;2;3\n', ";"),
        ("a,b c;d,y\n1,2;3,4\n", ","),
        ("a;b;y;\n1;2;3;\n", ";"),
        ("a;b;y\n1;2;3\n4;5\n", ";"),
        ('a,b,y\n1,"2;\n;3",3\n', ","),
        ("a b y\n1 2  3\n", " "),
        ("sep=;\na,b;y\n1,5;2\n", ";"),
        ('"sep=|"\na|y\n1|2\n', "|"),
    ],
)
def test_the_delimiter_gives_every_line_as_many_cells(text: str, found: str) -> None:
    assert delimiter(text) == found


def test_it_gives_the_columns_that_are_asked_for() -> None:
    assert delimiter("a,b;y\n1,2;3\n") == ";"
    assert delimiter("1,2;3\n4,5;6\n", header=["a", "y"], delimiter=";") == ";"


def test_a_suffix_decides_only_where_lines_differ() -> None:
    text = "a,b\tc\n1,2\n3,4\t5,6\n"
    assert [delimiter(text, suffix) for suffix in (".tsv", ".csv")] == ["\t", ","]


@pytest.mark.parametrize("word", ["tab", "\t", "\\t"])
def test_a_delimiter_may_be_given_by_a_word(word: str) -> None:
    assert delimiter("a;y\n1;2\n", delimiter=word) == "\t"
    assert delimiter("a;y\n1;2\n", delimiter="^") == "^"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,x;z\n1,2;3\n", "t: its cells may be separated by ',' or ';' ('a,x;z'); give data.source.args.delimiter"),
        ("y\n1\n", "t: none of ',', ';', tab, '|', blanks separates cells in its first line, 'y'; give data."),
        ("<html>\n<p class='a b'>\n", "t: none of ','"),
    ],
)
def test_several_possibilities_and_none_are_refused(text: str, words: str) -> None:
    assert refusal(lambda: delimiter(text)).startswith(words)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"delimiter": ",,"}, "delimiter: ',,' is not one character, nor one of tab, space, comma, semicolon, pipe"),
        ({"decimal": ""}, "decimal: '' is not one character"),
        ({"quote": "''"}, "quote: '''' is not one character"),
        ({"decimal": ",", "thousands": ","}, "thousands: is ',', as decimal is"),
    ],
)
def test_arguments_that_cannot_be_are_refused(given: dict[str, str], words: str) -> None:
    assert refusal(lambda: TextFormat(**given)) == f"data.source.args.{words}"  # type: ignore[arg-type]


def test_a_record_has_the_line_that_it_begins_in() -> None:
    text = 'a,b\r\n\r\n1,"x\r\n,y"\r\n2,"say ""so"""'
    found = list(Dialect(",", '"').records(text))
    assert [(line, cells) for line, cells, _ in found] == [
        (1, ["a", "b"]),
        (3, ["1", "x\r\n,y"]),
        (5, ["2", 'say "so"']),
    ]
    assert [text[end:][:1] for _, _, end in found] == ["\r", "2", ""]
    assert [cells for _, cells, _ in Dialect(",", "").records('"a,b"')] == [['"a', 'b"']]


def test_comments_are_taken_out_but_not_the_ends_of_their_lines() -> None:
    text = '# one\na,y\r\n1,2 # two\r\n"#3",4\n"5\n#6",7\n#8'
    assert without_comments(text, "#", '"') == '\na,y\r\n1,2\r\n"#3",4\n"5\n#6",7\n'
    assert without_comments(text, "", '"') == text
    assert without_comments('"# a"\n', "#", "") == '"\n'


def test_comments_are_found_before_the_line_of_names() -> None:
    assert comment_of("# by hand\n\n# a, b\na,y\n1,2\n", TextFormat(), ["y"], "t") == "#"
    assert comment_of("a,y\n#1,2\n", TextFormat(), ["y"], "t") == ""
    assert comment_of("% x\na,y\n", TextFormat(comment="%"), ["y"], "t") == "%"
    words = refusal(lambda: comment_of("#a,y\n1,2\n", TextFormat(), ["y"], "t"))
    assert words.startswith("t: its first line, '#a,y', begins with '#'; data.source.args.comment '#' leaves")


def test_blanks_between_cells_are_one() -> None:
    assert single_blanks("  1  2\t3 \r\n 4 5 6\n", '"') == "1 2 3\r\n4 5 6\n"
    assert single_blanks('1 "a  b"', '"') == '1 "a  b"'


def test_a_message_shows_one_line_of_a_text() -> None:
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 99)) == 60
