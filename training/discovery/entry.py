"""An entry of the reference: of a component, a recipe's key, or anything else with an import path."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import find
from torchferry.training.config.recipe_keys import RecipeKey, item_of, meant, recipe_keys, section_of
from torchferry.training.config.type_words import in_words
from torchferry.training.discovery.components import KINDS, Kind
from torchferry.training.discovery.signature import Argument, arguments_of, in_yaml, summary_of


@dataclass(frozen=True, kw_only=True)
class Entry:
    name: str
    kind: str
    """In words: what it is, and where it is named."""
    summary: str
    arguments: tuple[Argument, ...] = ()


def entries(name: str) -> list[Entry]:
    """All that go by the name. Raises UserError, with the nearest name, if there is none."""
    found = [component_entry(kind, name) for kind in KINDS if name in kind]
    if name in recipe_keys():
        found.append(key_entry(recipe_keys()[name]))
    if found:
        return found
    if "." in name and name.partition(".")[0] not in recipe_keys():
        return [_imported_entry(name)]
    known = names()
    key = meant(name) if "." in name else None
    if key in recipe_keys():
        raise UserError(f"there is no '{name}'; did you mean {key}?")
    raise UserError(f"there is no '{name}'{did_you_mean(name, known, 'torchferry describe lists all there is')}")


def names() -> set[str]:
    """All that have an entry, beside import paths."""
    return {*recipe_keys(), *(name for kind in KINDS for name in kind)}


def component_entry(kind: Kind, name: str) -> Entry:
    component = kind.components[name]
    where = f"for {kind.key}" if kind.key == "task" else f"for {kind.key}.name"
    of_data = getattr(component, "of_data", ())
    arguments = tuple(each for each in arguments_of(component, kind.given) if each.name not in of_data)
    return Entry(name=name, kind=f"{kind.name}, {where}", summary=summary_of(component), arguments=arguments)


def key_entry(key: RecipeKey) -> Entry:
    """A section has its keys for arguments; so has a list's item."""
    inner = [each for each in recipe_keys().values() if each.name.rpartition(".")[0] == key.name]
    item, section = item_of(key.type), section_of(key.type)
    of_items = item is not None and dataclasses.is_dataclass(item)
    shown = inner or [each for each in recipe_keys().values() if each.name.startswith("model.")] * of_items
    kind = (
        "a section of the recipe"
        if section and not isinstance(key.default, str)
        else f"a key of the recipe, {value_of(key)}"
    )
    doc = (section.__doc__ if section else "") or ""
    # A dataclass without a docstring has its signature for one.
    summary = key.meaning or ("" if section and doc.startswith(f"{section.__name__}(") else doc)
    return Entry(name=key.name, kind=kind, summary=" ".join(summary.split()), arguments=tuple(map(_argument, shown)))


def value_of(key: RecipeKey) -> str:
    """What it may be, and is by default."""
    default = default_of(key)
    return in_words(key.type) + (f", {default} by default" if default else "; the recipe has to say it")


def default_of(key: RecipeKey) -> str | None:
    return None if key.default is dataclasses.MISSING else in_yaml(key.default)


def headlines(kind: Kind) -> Iterator[tuple[str, str]]:
    """The names of a kind, each with its first sentence."""
    for name in sorted(kind):
        summary = summary_of(kind.components[name]).partition("\n")[0]
        yield name, summary.split(". ")[0].removesuffix(".")


def _argument(key: RecipeKey) -> Argument:
    default = "" if section_of(key.type) and key.default is not None else default_of(key)
    return Argument(name=key.name.rpartition(".")[2], type=in_words(key.type), default=default, meaning=key.meaning)


def _imported_entry(path: str) -> Entry:
    try:
        found: Any = find(path, {}, "describe")
    except UserError as error:
        raise UserError(str(error).removeprefix("describe.name: ")) from error
    if not callable(found):
        raise UserError(f"{path}: is a {type(found).__name__}, not a class or function")
    kind = f"a {'class' if isinstance(found, type) else 'function'} by its import path"
    return Entry(name=path, kind=kind, summary=summary_of(found), arguments=arguments_of(found))
