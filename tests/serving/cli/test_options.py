"""Each field of a settings object is an option, with its type, its default and its line of help."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.cli.options import OptionSet, WrongOption, option


@dataclass(frozen=True)
class Settings(OptionSet):
    max_batch: int = option(16, "most samples computed together")
    delay_ms: float = option(1.5, "wait for others")
    tune: bool = option(False, "find the best numbers")
    host: str = option("", "where to listen")
    tokens: Path | None = option(None, "who may ask", type=Path)
    level: str = option("info", "how much to say", choices=("info", "debug"))
    roots: tuple[Path, ...] = option((), "where to look", type=Path)


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="up")
    Settings.add_options(parser)
    return parser


def test_without_options_the_defaults_stay(parser: Parser) -> None:
    assert Settings.of(parser.parse_args([])) == Settings()


def test_every_option_comes_back_in_its_own_type(parser: Parser) -> None:
    words = ["--max-batch", "4", "--delay-ms", "2", "--tune", "--host=::1", "--tokens", "t", "--level=debug"]
    settings = Settings.of(parser.parse_args(words))
    assert settings == Settings(4, 2.0, True, "::1", Path("t"), "debug")
    given = parser.parse_args(["--roots", "a", "--roots", "b"])
    assert Settings.of(given).roots == (Path("a"), Path("b"))
    assert isinstance(settings.delay_ms, float)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-batch", "1.5"], "--max-batch: invalid int value"),
        (["--delay-ms", "nan"], "--delay-ms: nan is not a finite number"),
        (["--tune", "yes"], "unrecognized arguments: yes"),
        (["--level", "loud"], "--level: invalid choice: 'loud'"),
    ],
)
def test_a_value_of_another_type_is_refused(parser: Parser, arguments: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        parser.parse_args(arguments)


def test_help_tells_each_default_that_says_something(parser: Parser) -> None:
    lines = parser.format_help().splitlines()
    for words in ("together (default 16)", "others (default 1.5)", "to say (default info)"):
        assert [line for line in lines if line.endswith(words)], words
    for words in ("numbers", "listen", "ask", "look"):
        assert [line for line in lines if line.endswith(words)], words


def test_a_value_that_does_not_do_is_named_as_the_option_is_typed() -> None:
    Settings().check("max_batch", True, "never said")
    with pytest.raises(WrongOption, match=r"^--max-batch: -1 is not valid; give 1 or more$") as refused:
        Settings(max_batch=-1).check("max_batch", False, "give 1 or more")
    assert isinstance(refused.value, UserError)
    assert (refused.value.option, refused.value.says) == ("max_batch", "-1 is not valid; give 1 or more")
