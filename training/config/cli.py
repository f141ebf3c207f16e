"""The command line: a recipe from YAML, `--key.sub value` and TORCHFERRY_* variables, by jsonargparse."""

import dataclasses
import difflib
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

import jsonargparse
import yaml

from torchferry.errors import UserError
from torchferry.training.config.address import without_credentials
from torchferry.training.config.nested_options import BETWEEN, merged
from torchferry.training.config.recipe import Recipe

LAUNCHING = (
    "From a recipe to a run folder, in this process. With --nproc-per-node N, torchrun starts N processes here; over "
    "several machines it is torchrun ... -m torchferry.training, with the same options."
)

jsonargparse.set_parsing_settings(
    docstring_parse_attribute_docstrings=True,
    # A `class_path` anywhere in a recipe would be imported and called while it is read, in one from a store as well.
    # What a run needs is built later, from `name` and `args`.
    instantiate_subclass_spec_in_any=False,
    import_path_denylist=["*"],
    import_path_allowlist=["torchferry.training.config"],
)


def parse(arguments: Sequence[str]) -> Recipe:
    """The recipe that the command line asks for; raises UserError with one line."""
    parser = jsonargparse.ArgumentParser(
        prog="torchferry train",
        description=LAUNCHING,
        exit_on_error=False,
        default_env=True,
        env_prefix="TORCHFERRY",
    )
    parser.add_argument("--config", action="config", help="A recipe; options after it override its keys.")
    parser.add_class_arguments(Recipe)
    if "_ARGCOMPLETE" in os.environ:  # it is the launcher's, and taken out before the recipe is read
        parser.add_argument("--nproc-per-node")
    try:
        words = ["--dry_run=true" if word == "--dry_run" else word for word in arguments]
        given = parser.parse_args(merged(words, parser))
        _refuse_null(given.as_dict(), Recipe)
        values = parser.instantiate(given).as_dict()
    except UserError:
        raise
    except (jsonargparse.ArgumentError, ValueError, TypeError, OSError, RecursionError) as error:
        raise UserError(_where(arguments, _one_line(str(error).replace(BETWEEN, "."), parser))) from error
    values.pop("config")
    return Recipe(**values)


def to_yaml(recipe: Recipe) -> str:
    """The resolved recipe as text that `--config` takes again, without the credentials in it."""
    content = dataclasses.asdict(recipe) | {"runs_dir": str(recipe.runs_dir)}
    if recipe.metrics.pushgateway is not None:
        content["metrics"]["pushgateway"] = without_credentials(recipe.metrics.pushgateway)
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """Puts quotes around text such as 1e1, which is none to PyYAML but a number to jsonargparse."""


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    try:
        float(text)
    except ValueError:
        return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _text)


def _refuse_null(given: Mapping[str, Any], kind: type, where: str = "") -> None:
    """jsonargparse takes null for any key that stands in a file. Raises UserError."""
    hints = get_type_hints(kind)
    for key, hint in hints.items():
        value, kinds = given.get(key, ...), (hint, *get_args(hint))
        if value is None and type(None) not in kinds:
            raise UserError(f"{where}{key}: cannot be null; leave it out for what it is by default")
        inner = next((each for each in kinds if dataclasses.is_dataclass(each)), None)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping) and isinstance(inner, type):
                _refuse_null(part, inner, f"{where}{key}.")


def _where(arguments: Sequence[str], line: str) -> str:
    """With a recipe's file before it, if that alone is refused in the same words."""
    files = [after for word, after in itertools.pairwise(arguments) if word == "--config"]
    files += [word.removeprefix("--config=") for word in arguments if word.startswith("--config=")]
    for file in files:
        if list(arguments) == ["--config", file]:
            return f"{file}: {line}"
        try:
            parse(["--config", file])
        except UserError as error:
            if str(error) == f"{file}: {line}":
                return str(error)
    return line


def _one_line(message: str, parser: jsonargparse.ArgumentParser) -> str:
    """jsonargparse's words on one line, with the nearest key that exists when a key does not."""
    line = " ".join(message.split())
    unknown = re.search(r"unrecognized arguments: --([\w.-]+)|Option '([\w.-]+)' is not accepted", line)
    if not unknown:
        return line
    keys = [option.removeprefix("--") for option in parser._option_string_actions if option.startswith("--")]
    nearest = difflib.get_close_matches(unknown[1] or unknown[2], keys, n=1)
    return f"{line}; " + (f"did you mean {nearest[0]}?" if nearest else "--help lists every key")
