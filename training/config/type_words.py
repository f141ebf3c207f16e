"""Types in a reader's words, such as "a whole number or null"."""

import dataclasses
import inspect
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    Path: "a path",
    Any: "anything",
    types.NoneType: "null",
}


def in_words(hint: Any) -> str:
    """What a value of this type is to somebody who writes a recipe."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Literal:
        return " or ".join(map(str, parts))
    if kind in (Union, types.UnionType):
        # No recipe has tuples of several types: they are what our own sources may give in place of a name.
        return " or ".join(in_words(part) for part in parts if get_origin(part) is not tuple or ... in get_args(part))
    if kind in (list, tuple) and parts[0] is not Any:
        return f"a list of which each is {in_words(parts[0])}"
    if dataclasses.is_dataclass(hint):
        return f"a mapping of {', '.join(field.name for field in dataclasses.fields(hint))}"
    return WORDS.get(kind or hint) or inspect.formatannotation(hint)


def choices(hint: Any) -> tuple[str, ...]:
    """The words that a value may be, where its type lists them."""
    if get_origin(hint) is Literal:
        return tuple(map(str, get_args(hint)))
    return tuple(word for part in get_args(hint) for word in choices(part))
