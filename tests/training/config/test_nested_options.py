"""Options reach into nested arguments, and leave the rest of the file's as it is."""

import jsonargparse
import pytest

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.nested_options import merged

ARGS = '{"train": {"name": "x.Y", "args": {"n": 5, "text": "1e3"}}, "widths": [1, 2]}'


@pytest.fixture
def parser() -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Component, "part")
    return parser


def args(parser: jsonargparse.ArgumentParser, *words: str) -> object:
    return parser.parse_args(merged(["--part.name", "table", "--part.args", ARGS, *words], parser)).part.args


@pytest.mark.parametrize(
    ("words", "train"),
    [
        (["--part.args.train.args.n", "512"], {"name": "x.Y", "args": {"n": 512, "text": "1e3"}}),
        (["--part.args.train.args.n=[1, a]"], {"name": "x.Y", "args": {"n": [1, "a"], "text": "1e3"}}),
        (["--part.args.train.name", "x.Z"], {"name": "x.Z", "args": {"n": 5, "text": "1e3"}}),
        (
            ["--part.args.train.args.more.deep", "yes"],
            {"name": "x.Y", "args": {"n": 5, "text": "1e3", "more": {"deep": True}}},
        ),
        (["--part.args.train.args", "{m: 1}"], {"name": "x.Y", "args": {"m": 1}}),
        (
            ["--part.args.train.args.n", "1", "--part.args.train.args.n", "2", "--part.args.train.args.m=3"],
            {"name": "x.Y", "args": {"n": 2, "text": "1e3", "m": 3}},
        ),
    ],
)
def test_the_rest_stays(words: list[str], train: dict[str, object], parser: jsonargparse.ArgumentParser) -> None:
    assert args(parser, *words) == {"train": train, "widths": [1, 2]}


def test_other_words_stay_as_they_are(parser: jsonargparse.ArgumentParser) -> None:
    words = ["--part.name", "table", "--part.args.widths", "[3]", "--part.args", "{}"]
    assert merged(words, parser) == words


def test_what_has_no_keys_is_refused(parser: jsonargparse.ArgumentParser) -> None:
    with pytest.raises(UserError, match=r"part.args.widths: is \[1, 2\] and has no key '0'; give all of it"):
        args(parser, "--part.args.widths.0", "3")


def test_a_value_that_is_not_there_is_refused(parser: jsonargparse.ArgumentParser) -> None:
    with pytest.raises(jsonargparse.ArgumentError, match="expected one argument"):
        args(parser, "--part.args.train.args.n")
