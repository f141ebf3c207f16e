"""A mistake in a command line is one line that says which, as for any other wrong input."""

import argparse

import pytest

from torchferry.arguments import Parser, finite, parse_header
from torchferry.errors import UserError


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="torchferry up")
    parser.add_argument("model")
    parser.add_argument("--timeout", type=finite)
    return parser


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: model"),
        (["m", "--port", "1"], "unrecognized arguments: --port 1"),
        (["m", "--timeout", "soon"], "argument --timeout: invalid finite value: 'soon'"),
        (["m", "--timeout", "nan"], "argument --timeout: nan is not a finite number"),
    ],
)
def test_a_mistake_is_raised_and_says_where_help_is(parser: Parser, arguments: list[str], words: str) -> None:
    with pytest.raises(UserError, match=f"^{words}; torchferry up --help says more$"):
        parser.parse_args(arguments)


@pytest.mark.parametrize(("text", "value"), [("2", 2.0), ("-0.5", -0.5), ("1e3", 1000.0)])
def test_a_finite_number_is_read(text: str, value: float) -> None:
    assert finite(text) == value


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_nan_and_infinity_are_no_argument(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{text} is not a finite number$"):
        finite(text)


@pytest.mark.parametrize("text", ["X-Token: a b", "X-Token:a b", " X-Token :\ta b "])
def test_a_header_is_a_name_and_a_value(text: str) -> None:
    assert parse_header(text) == ("X-Token", "a b")


@pytest.mark.parametrize(
    ("text", "words"), [("no colon", "'no colon' is not 'Name: value'"), ("a b: c", "is not"), ("A: é", "printable")]
)
def test_what_is_no_header_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^--header: .*{words}"):
        parse_header(text)
