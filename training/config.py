"""The command line: a recipe from YAML, `--key.sub value` and TORCHFERRY_* variables, by jsonargparse."""

import dataclasses
import difflib
import re
from collections.abc import Sequence

import jsonargparse
import yaml

from training.errors import UserError
from training.recipe import Recipe

jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)


def parse(arguments: Sequence[str]) -> Recipe:
    """The recipe that the command line asks for; raises UserError with one line."""
    parser = jsonargparse.ArgumentParser(
        prog="torchrun -m training", exit_on_error=False, default_env=True, env_prefix="TORCHFERRY"
    )
    parser.add_argument("--config", action="config", help="A recipe; options after it override its keys.")
    parser.add_class_arguments(Recipe)
    try:
        words = ["--dry_run=true" if word == "--dry_run" else word for word in arguments]
        values = parser.instantiate(parser.parse_args(words)).as_dict()
    except UserError:
        raise
    except (jsonargparse.ArgumentError, ValueError, TypeError, OSError, RecursionError) as error:
        raise UserError(_one_line(str(error), parser)) from error
    values.pop("config")
    return Recipe(**values)


def to_yaml(recipe: Recipe) -> str:
    """The resolved recipe as text that `--config` takes again."""
    return yaml.safe_dump(dataclasses.asdict(recipe) | {"runs_dir": str(recipe.runs_dir)}, sort_keys=False)


def _one_line(message: str, parser: jsonargparse.ArgumentParser) -> str:
    """jsonargparse's words on one line, with the nearest key that exists when a key does not."""
    line = " ".join(message.split())
    unknown = re.search(r"unrecognized arguments: --([\w.-]+)|Option '([\w.-]+)' is not accepted", line)
    if not unknown:
        return line
    keys = [option.removeprefix("--") for option in parser._option_string_actions if option.startswith("--")]
    nearest = difflib.get_close_matches(unknown[1] or unknown[2], keys, n=1)
    return f"{line}; " + (f"did you mean {nearest[0]}?" if nearest else "--help lists every key")
