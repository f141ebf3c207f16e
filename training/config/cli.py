"""The command line: a recipe from YAML, `--key.sub value` and TORCHFERRY_* variables, by jsonargparse."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

import jsonargparse
import yaml

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.address import is_address, without_credentials
from torchferry.training.config.given import Given, refuse_unknown_variables
from torchferry.training.config.instantiate import Component
from torchferry.training.config.nested_options import BETWEEN, merged
from torchferry.training.config.recipe import FORMER_LIMITS, Recipe
from torchferry.training.config.recipe_keys import item_of, meant, recipe_keys
from torchferry.training.config.type_words import choices, in_words

LAUNCHING = (
    "From a recipe to a run folder, in this process. With --nproc-per-node N, torchrun starts N processes here; over "
    "several machines it is torchrun ... -m torchferry.training, with the same options."
)

VALUE = re.compile(r"(?:Got value: |Given value: |Unable to load config ['\"])(.*?)(?:['\"] - .*| - Expected .*)?$")
"""In jsonargparse's words."""

jsonargparse.set_parsing_settings(
    docstring_parse_attribute_docstrings=True,
    # A `class_path` anywhere in a recipe would be imported and called while it is read, in one from a store as well.
    # What a run needs is built later, from `name` and `args`.
    instantiate_subclass_spec_in_any=False,
    import_path_denylist=["*"],
    import_path_allowlist=["torchferry.training.config"],
)


def _loaded(text: str) -> Any:
    """A file or a value, with limits of the gate under their names of today."""
    found = READ(text)
    if isinstance(found, dict) and isinstance(gate := found.get("gate"), dict):
        found["gate"] = {FORMER_LIMITS.get(name, name): value for name, value in gate.items()}
    return found


class RecipeParser(jsonargparse.ArgumentParser):
    """jsonargparse's, whose --print_config shows no credentials: its output ends in logs and tickets."""

    def dump(self, cfg: jsonargparse.Namespace, *args: Any, **kwargs: Any) -> str:
        shown = cfg.clone()
        if isinstance(url := shown.get(key := "metrics.pushgateway"), str):
            shown[key] = without_credentials(url) if is_address(url) else url.rpartition("@")[2]
        return super().dump(shown, *args, **kwargs)


READ = jsonargparse.get_loader("yaml")
jsonargparse.set_loader("yaml", _loaded, exceptions=(yaml.YAMLError,))


def parse(arguments: Sequence[str], *, environment: bool = True) -> Recipe:
    """The recipe that the command line asks for; raises UserError with one line."""
    given_by = Given(arguments)
    parser = RecipeParser(
        prog="torchferry train",
        description=LAUNCHING,
        exit_on_error=False,
        default_env=environment,
        env_prefix="TORCHFERRY",
    )
    parser.add_argument("--config", action="config", help="A recipe; options after it override its keys.")
    parser.add_class_arguments(Recipe)
    if "_ARGCOMPLETE" in os.environ:  # it is the launcher's, and taken out before the recipe is read
        parser.add_argument("--nproc-per-node")
    if environment:
        refuse_unknown_variables(_keys(parser))
    try:
        words = ["--dry_run=true" if word == "--dry_run" else word for word in arguments]
        given = parser.parse_args(merged(words, parser))
        _refuse_null(given.as_dict(), Recipe)
        values = parser.instantiate(given).as_dict()
        values.pop("config")
        return Recipe(**values)
    except UserError as error:
        raise UserError(given_by.placed(str(error))) from error
    except (jsonargparse.ArgumentError, ValueError, TypeError, OSError, RecursionError) as error:
        raise UserError(given_by.placed(_one_line(str(error).replace(BETWEEN, "."), given_by))) from error


def to_yaml(recipe: Recipe) -> str:
    """The resolved recipe as text that `--config` takes again, without the credentials in it."""
    content = dataclasses.asdict(recipe) | {"runs_dir": str(recipe.runs_dir)}
    if recipe.metrics.pushgateway is not None:
        content["metrics"]["pushgateway"] = without_credentials(recipe.metrics.pushgateway)
    return yaml.dump(content, Dumper=Dumper, sort_keys=False)


class Dumper(yaml.SafeDumper):
    """Puts quotes around text such as 1e1, which is none to PyYAML but a number to jsonargparse."""


def _text(dumper: Dumper, text: str) -> yaml.Node:
    try:
        float(text)
    except ValueError:
        return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


Dumper.add_representer(str, _text)


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


def _keys(parser: jsonargparse.ArgumentParser) -> list[str]:
    """Those that have an option and a variable."""
    options = (option.removeprefix("--") for option in parser._option_string_actions if option.startswith("--"))
    return [option for option in options if option in recipe_keys() or option == "config"]


def _one_line(message: str, given: Given) -> str:
    """jsonargparse's refusal in words of a recipe, with the nearest key or value."""
    line = " ".join(message.split())
    if unknown := re.match(r"unrecognized arguments: (--([\w.-]+))", line):
        found = meant(unknown[2])
        return f"{unknown[1]}: unknown key; " + (f"did you mean {found}?" if found else "--help lists every key")
    if missing := re.match(r"the following arguments are required: (.*)", line):
        files = "".join(f"{file.path}: " for file in given.files)
        return f"{files}{missing[1]}: missing" + ("" if files else "; --config names a recipe that has them")
    return _wrong_value(line) if line.startswith("Parser key") else line


def _wrong_value(line: str) -> str:
    """Of a value that the key cannot have; `line` is jsonargparse's."""
    key, *inner = dict.fromkeys(re.findall(r'Parser key "([\w.]+)"', line))
    name = ".".join((key, *inner))
    if unknown := re.search(r"Option '([\w.-]+)' is not accepted", line):
        found = meant(unknown[1], [field.name for field in dataclasses.fields(Component)])
        return f"{key}: '{unknown[1]}' is an unknown key" + (f"; did you mean {found}?" if found else "")
    if (hint := _type_of(key, inner)) is None:
        return f"{name}: {line.partition(': ')[2]}"
    value = VALUE.search(line)
    if value is None:
        return f"{name}: is not {in_words(hint)}"
    return f"{name}: {_quoted(value[1])} is not {in_words(hint)}{did_you_mean(value[1], choices(hint))}"


def _type_of(key: str, inner: Sequence[str]) -> Any:
    if ".".join((key, *inner)) in recipe_keys():
        return recipe_keys()[".".join((key, *inner))].type
    item = item_of(recipe_keys()[key].type) if key in recipe_keys() else None
    return get_type_hints(item).get(inner[0]) if item and inner else None


def _quoted(text: str) -> str:
    """With quotes if YAML reads it as text."""
    try:
        return f"'{text}'" if isinstance(yaml.safe_load(text), str) else text
    except yaml.YAMLError:
        return f"'{text}'"
