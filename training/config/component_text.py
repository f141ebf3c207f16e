"""A part of a recipe as an option has it: YAML, or JSON, on one line."""

import yaml

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import Component


def component_of(text: str, option: str) -> Component:
    """Raises UserError for what is not {name: ..., args: {...}}; a name alone will do."""
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{option}: is no YAML: {' '.join(str(error).split())}") from error
    given = {"name": given} if isinstance(given, str) else given
    if not isinstance(given, dict):
        raise UserError(f"{option}: {text} is not {{name: ..., args: {{...}}}}")
    for key in given:
        if key not in ("name", "args"):
            raise UserError(f"{option}: unknown key {key}{did_you_mean(str(key), ('name', 'args'))}")
    name, args = given.get("name"), given.get("args") or {}
    if not isinstance(name, str) or not isinstance(args, dict):
        raise UserError(f"{option}: {text} is not {{name: ..., args: {{...}}}}")
    return Component(name=name, args=args)
