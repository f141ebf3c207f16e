"""The arguments of a source come from a recipe: checked against its annotations; some are shared with other sources."""

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.type_words import choices, in_words

P = ParamSpec("P")
R = TypeVar("R")

WHAT = "data.source.args"


def takes_arguments_of(**makers: Callable[..., Any]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """For what sources share. With `image=image_input`, a source is given `image` as image_input makes it, and a recipe
    gives the arguments of image_input; the source's signature and docstring have them in the place of `image`.

    What a docstring says of arguments is its last section, Args.
    """

    def decorate(source: Callable[..., R]) -> Callable[..., R]:
        shared = {name: recipe_arguments(maker) for name, maker in makers.items()}
        flat: dict[str, inspect.Parameter] = {}
        for name, argument in recipe_arguments(source).items():
            flat |= shared.get(name, {name: argument})
        signature = inspect.signature(source).replace(parameters=list(flat.values()))

        @functools.wraps(source)
        def call(*args: Any, **kwargs: Any) -> R:
            given = signature.bind(*args, **kwargs).arguments
            for name, maker in makers.items():
                given[name] = maker(**{each: given.pop(each) for each in shared[name] if each in given})
            return source(**given)

        del call.__wrapped__  # it has other arguments
        call.__signature__ = signature  # type: ignore[attr-defined]
        call.__annotations__ = {name: each.annotation for name, each in flat.items()}
        call.__doc__ = "\n".join([inspect.getdoc(source) or "", *map(_section_of_arguments, makers.values())])
        return call

    return decorate


def recipe_arguments(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Those that a recipe gives, always by their names; `what` is for messages alone."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return {
        name: each.replace(kind=kind) for name, each in inspect.signature(function).parameters.items() if name != "what"
    }


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


def _section_of_arguments(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("Args:\n")[2]


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
