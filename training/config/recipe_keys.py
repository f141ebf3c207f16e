"""Every key that a recipe may have, with its type, what it is by default and what it means."""

import dataclasses
import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from torchferry.nearest import nearest
from torchferry.training.config.recipe import Recipe

OF_OTHER_TOOLS = {"class_path": "name", "init_args": "args", "kwargs": "args"}
"""What jsonargparse and Lightning call the keys of a part."""


@dataclass(frozen=True, kw_only=True)
class RecipeKey:
    name: str
    """With those it lies in: data.source.name."""
    type: Any
    default: Any
    """dataclasses.MISSING where the recipe has to say it."""
    meaning: str
    """The docstring beneath it; empty where there is none."""


@functools.cache
def recipe_keys() -> dict[str, RecipeKey]:
    """By name, in the order of the recipe; a section comes before its keys."""
    return {key.name: key for key in _keys(Recipe, "")}


def section_of(hint: Any) -> type | None:
    """The dataclass that a key's value is, or may be."""
    found = (each for each in (hint, *get_args(hint)) if isinstance(each, type) and dataclasses.is_dataclass(each))
    return None if get_origin(hint) is list else next(found, None)


def item_of(hint: Any) -> type | None:
    """The dataclass that each item of a key's list is."""
    return next(iter(get_args(hint)), None) if get_origin(hint) is list else None


def meant(name: str, beside: Collection[str] | None = None) -> str | None:
    """The key that was meant by a name that is none; `beside` are the last words that would be right there."""
    section, _, word = name.rpartition(".")
    if beside is None:
        beside = [key.rpartition(".")[2] for key in recipe_keys() if key.rpartition(".")[0] == section]
    is_part = {"name", "args"} <= set(beside)
    if found := (OF_OTHER_TOOLS.get(word) if is_part else None) or nearest(word, beside):
        return f"{section}.{found}".lstrip(".")
    if is_part and section:
        return f"{section}.args.{word}"
    if section and section not in recipe_keys() and (within := meant(section)):
        return f"{within}.{word}"
    elsewhere = {key.rpartition(".")[2]: key for key in recipe_keys()}
    found = nearest(word, elsewhere)
    return elsewhere[found] if found else None


def _keys(kind: type, before: str) -> Iterator[RecipeKey]:
    hints, meanings = get_type_hints(kind), _meanings(kind)
    for field in dataclasses.fields(kind):
        hint, name = hints[field.name], before + field.name
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        yield RecipeKey(name=name, type=hint, default=default, meaning=meanings.get(field.name, ""))
        if section := section_of(hint):
            yield from _keys(section, f"{name}.")


def _meanings(kind: type) -> dict[str, str]:
    import docstring_parser  # it parses the class's source, which a run has no use for

    parsed = docstring_parser.parse_from_object(kind)
    return {part.arg_name: " ".join((part.description or "").split()) for part in parsed.params}
