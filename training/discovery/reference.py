"""The reference of all that a recipe can say: `torchferry describe --all --markdown > training/REFERENCE.md`."""

from collections.abc import Iterator

from torchferry.training.config.recipe_keys import recipe_keys, section_of
from torchferry.training.config.type_words import in_words
from torchferry.training.discovery.components import KINDS, Kind
from torchferry.training.discovery.entry import Entry, component_entry, default_of, key_entry
from torchferry.training.discovery.signature import Argument

HEAD = """# Reference of recipes

Made by `torchferry describe --all --markdown > training/REFERENCE.md`; a test holds that it is current.
`torchferry describe NAME` says the same of one, and of any import path."""


def all_entries() -> Iterator[Entry]:
    for kind in KINDS:
        yield from (component_entry(kind, name) for name in sorted(kind))
    yield from (key_entry(key) for key in recipe_keys().values() if "." not in key.name)


def markdown_lines() -> Iterator[str]:
    """Of what is torch's own the names alone, because each release has others."""
    yield HEAD
    for kind in KINDS:
        yield from _kind(kind)
    yield "\n## Keys\n"
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    for key in recipe_keys().values():
        if not section_of(key.type) or key.default is None or isinstance(key.default, str):
            yield _row(f"`{key.name}`", in_words(key.type), _default(default_of(key)), key.meaning)


def _kind(kind: Kind) -> Iterator[str]:
    yield f"\n## {kind.name.capitalize()}: `{kind.key}{'' if kind.key == 'task' else '.name'}`\n"
    if kind.of_torch:
        names = ", ".join(f"`{name}`" for name in USUAL[kind.name])
        yield f"Any of torch's by its name, such as {names}, or by import path."
        return
    for name in sorted(kind):
        entry = component_entry(kind, name)
        yield f"### {name}\n"
        yield entry.summary.replace("\n", "\n\n") + "\n"
        if entry.arguments:
            yield "| argument | value | default | meaning |\n|---|---|---|---|"
            yield from map(_argument_row, entry.arguments)
            yield ""


USUAL = {"optimizer": ("SGD", "Adam", "AdamW"), "scheduler of torch": ("StepLR", "OneCycleLR", "CosineAnnealingLR")}


def _argument_row(argument: Argument) -> str:
    return _row(f"`{argument.name}`", argument.type, _default(argument.default), argument.meaning.replace("\n", " "))


def _default(default: str | None) -> str:
    return "required" if default is None else f"`{default}`" if default else ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
