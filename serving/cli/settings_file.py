"""`--settings FILE`: options from a TOML file; `torchferry up` reads its table [up], `torchferry archive` [archive]."""

import argparse
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.cli.options import OptionSet, WrongOption

TABLES = ("up", "archive")


def parse(
    parser: Parser, table: str, arguments: Sequence[str], checked: type[OptionSet] | None = None
) -> argparse.Namespace:
    """The options: what the command line says, else the file, else the default. With `checked`, they are what its `of`
    takes. Raises UserError, which names file, table and key where the wrong value is the file's."""
    parser.add_argument("--settings", type=Path, help=f"a TOML file whose table [{table}] has values for these options")
    options = parser.parse_args(arguments)
    if options.settings is None:
        return options
    actions = dict(_actions(parser))
    given = {}
    for key, value in _table(options.settings, table).items():
        place = f"{options.settings}: [{table}] {key}"
        if key not in actions:
            raise UserError(f"{place}: there is no such option; there are {', '.join(actions)}")
        given[actions[key].dest] = _value(actions[key], value, place)
    # argparse would append to a list; but what the command line says is instead of the file.
    parser.set_defaults(**{name: value for name, value in given.items() if not _listed(options, name, value)})
    options = parser.parse_args(arguments)
    if checked:
        try:
            checked.of(options)
        except WrongOption as error:
            if error.option in given and given[error.option] == getattr(options, error.option):
                raise UserError(f"{options.settings}: [{table}] {error.option}: {error.says}") from error
            raise
    return options


def _actions(parser: Parser) -> Iterator[tuple[str, argparse.Action]]:
    """The options by the key that they have in a file."""
    for action in parser._actions:  # argparse tells them in no other way
        names = [name for name in action.option_strings if name.startswith("--")]
        if names and action.dest not in ("help", "settings"):
            yield names[0].removeprefix("--").replace("-", "_"), action


def _table(path: Path, table: str) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--settings: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:  # of tomllib, or of a file that is not text
        raise UserError(f"--settings: {path} is not TOML ({error})") from error
    for name, value in content.items():
        if name not in TABLES or not isinstance(value, dict):
            raise UserError(f"{path}: '{name}' is not a table that is read; options stand in [up] and [archive]")
    return content.get(table, {})


def _value(action: argparse.Action, value: Any, place: str) -> Any:
    """As the command line would have given it."""
    wanted, takes = _kind(action)
    if not takes(value):
        raise UserError(f"{place}: {value!r} is not valid; give {wanted}")
    if isinstance(value, bool):
        return value
    convert: Any = action.type or str
    try:
        found = [convert(str(one)) for one in (value if isinstance(value, list) else [value])]
    except (argparse.ArgumentTypeError, ValueError, AttributeError) as error:
        raise UserError(f"{place}: {error}") from error
    if action.choices is not None and any(one not in action.choices for one in found):
        raise UserError(f"{place}: {value!r} is not valid; choose of {', '.join(map(str, action.choices))}")
    return found if isinstance(value, list) else found[0]


def _kind(action: argparse.Action) -> tuple[str, Callable[[Any], bool]]:
    """What TOML has to say, in words and as a test; a path, and a list with commas, are strings."""
    if isinstance(action, argparse._AppendAction):
        return "a list of strings", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value)
    if isinstance(action.default, bool):
        return "true or false", lambda value: isinstance(value, bool)
    if isinstance(action.default, float):
        return "a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(action.default, int):
        return "a whole number", lambda value: type(value) is int
    return "a string", lambda value: isinstance(value, str)


def _listed(options: argparse.Namespace, name: str, value: Any) -> bool:
    return isinstance(value, list) and bool(getattr(options, name))
