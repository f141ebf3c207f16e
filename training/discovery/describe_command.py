"""`torchferry describe NAME`: what a part of a recipe takes, such as a source or a loss; without NAME all there are.

NAME is a component (digits, mlp, AdamW), a key of the recipe (step.clip_norm) or an import path
(torchvision.models.resnet18).
"""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from torchferry.arguments import Parser
from torchferry.errors import UserError

WIDTH = 100


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry describe", description=__doc__)
    name = parser.add_argument("name", nargs="?", help="a component, a key of the recipe, or an import path")
    name.completer = _names  # type: ignore[attr-defined]  # argcomplete's own
    parser.add_argument("--all", action="store_true", help="everything with all its arguments")
    parser.add_argument("--markdown", action="store_true", help="with --all: as training/REFERENCE.md has it")
    options = parser.parse_args(arguments)
    if options.name is not None and options.all:
        raise UserError("--all: describes everything; leave NAME out")
    if options.markdown and not options.all:
        raise UserError("--markdown: goes with --all")
    print("\n".join(_lines(options.name, everything=options.all, markdown=options.markdown)))


def _names(**_context: Any) -> set[str]:
    """For a shell that completes the name."""
    from torchferry.training.discovery.entry import names

    return names()


def _lines(name: str | None, *, everything: bool, markdown: bool) -> Iterator[str]:
    # Imported here, because torch takes seconds that nobody needs for --help.
    from torchferry.training.discovery.entry import entries
    from torchferry.training.discovery.reference import all_entries, markdown_lines

    if markdown:
        yield from markdown_lines()
    elif name is None and not everything:
        yield from _list()
    else:
        for number, entry in enumerate(all_entries() if name is None else entries(name)):
            if number:
                yield ""
            yield f"{entry.name}: {entry.kind}"
            yield from _wrapped(entry.summary, "  ")
            for each in entry.arguments:
                default = " (required)" if each.default is None else f" = {each.default}" if each.default else ""
                yield f"\n  {each.name}{': ' if each.type else ''}{each.type}{default}"
                yield from _wrapped(each.meaning, "      ")


def _list() -> Iterator[str]:
    from torchferry.training.config.recipe_keys import recipe_keys
    from torchferry.training.discovery.components import KINDS
    from torchferry.training.discovery.entry import headlines

    for kind in KINDS:
        yield f"{kind.name} ({kind.key}{'' if kind.key == 'task' else '.name'})"
        lines = list(headlines(kind))
        width = max(len(name) for name, _ in lines)
        for name, said in lines:
            yield f"  {name:{width}}  {textwrap.shorten(said, WIDTH - width, placeholder=' ...')}"
        yield ""
    yield "keys of the recipe"
    for key in recipe_keys().values():
        if key.meaning:
            yield f"  {key.name:34}  {textwrap.shorten(key.meaning, WIDTH - 34, placeholder=' ...')}"
    yield "\ntorchferry describe NAME says more of one, and of any import path."


def _wrapped(text: str, indent: str) -> Iterator[str]:
    for paragraph in text.split("\n"):
        yield from textwrap.wrap(paragraph, WIDTH, initial_indent=indent, subsequent_indent=indent)
