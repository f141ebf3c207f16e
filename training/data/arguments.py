"""The arguments of a source come from a recipe: they are checked against the function's own annotations."""

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.type_words import choices, in_words

P = ParamSpec("P")
R = TypeVar("R")

WHAT = "data.source.args"


def checked(source: Callable[P, R], what: str = WHAT) -> Callable[P, R]:
    """`source`, which then raises UserError for an argument whose type is not the annotated one.

    `what` is the recipe's key for the arguments.
    """
    hints = get_type_hints(source)
    signature = inspect.signature(source)

    @functools.wraps(source)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if not _fits(value, hints[name]):
                meant = did_you_mean(str(value), choices(hints[name]))
                raise UserError(f"{what}.{name}: {_short(value)} is not {in_words(hints[name])}{meant}")
        return source(*args, **kwargs)

    return call


def at_least(least: int, what: str = WHAT, **arguments: int | None) -> None:
    """Raises UserError for an argument below `least`; None is let through."""
    for name, value in arguments.items():
        if value is not None and value < least:
            raise UserError(f"{what}.{name}: {value} is too small; give {least} or more")


def _fits(value: Any, hint: Any) -> bool:
    kind, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if kind is Literal:
        return value in parts
    if kind in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts if get_origin(part) is not tuple)
    if kind is list:
        return isinstance(value, list | tuple) and all(_fits(item, parts[0]) for item in value)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    if hint in (int, float):  # True is an int to Python, not to a reader
        return isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
