"""A component's arguments with their types, defaults and meanings, from its annotations and its docstring."""

import inspect
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import docstring_parser
from jsonargparse._parameter_resolvers import get_signature_parameters

from torchferry.training.config.type_words import in_words

ROLE = re.compile(r"``([^`]*)``|(?::[\w:]+:)?`~?\.?([^`<]*?)(?: <[^`]*>)?`_*")
"""Sphinx's markup, of which the words stay."""
LONGEST = 200
LEFT_OUT = ("device", "dtype", "size_average", "reduce")
"""Of torch's: what the trainer decides, and what is deprecated for another argument."""


@dataclass(frozen=True, kw_only=True)
class Argument:
    name: str
    type: str
    """In words; empty where there is no annotation."""
    default: str | None
    """As YAML has it; None where there is none, so that the recipe has to say it."""
    meaning: str
    """Empty where the docstring has no section of arguments that says it."""


def summary_of(component: Callable[..., Any]) -> str:
    """A docstring without its section of arguments; of what is not ours, its first sentence. A paragraph a line."""
    parsed = docstring_parser.parse(inspect.getdoc(inspect.unwrap(component)) or "")
    return _joined(parsed.description or "") if _is_ours(component) else _sentence(parsed.short_description or "")


def arguments_of(component: Callable[..., Any], given: int = 0) -> tuple[Argument, ...]:
    """`given` arguments come first and not from a recipe. Of what is not ours, first sentences have to do."""
    plain, ours = inspect.unwrap(component), _is_ours(component)
    meanings = _meanings(plain)
    return tuple(
        Argument(
            name=name,
            type=_type(hint),
            default=None if default is inspect.Parameter.empty else in_yaml(default),
            meaning=_joined(meaning) if ours else _sentence(meaning),
        )
        for name, hint, default, doc in [*_parameters(plain)][given:]
        for meaning in (meanings.get(name) or doc or "",)
        if name not in LEFT_OUT
    )


def _is_ours(component: Callable[..., Any]) -> bool:
    return (getattr(inspect.unwrap(component), "__module__", None) or "").startswith("torchferry.")


def _parameters(plain: Callable[..., Any]) -> Iterator[tuple[str, Any, Any, str | None]]:
    """Name, annotation, default and what is known of the meaning."""
    try:
        parameters = inspect.signature(plain).parameters.values()
    except (ValueError, TypeError):  # a builtin without a signature
        return
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
        # What is passed on, to whom it is passed on: read from the source, which takes a while.
        for found in get_signature_parameters(plain, logger=_silent()):
            yield found.name, found.annotation, found.default, found.doc
        return
    try:
        hints = get_type_hints(_constructor(plain) or plain)
    except Exception:  # names that its module imports for type checkers alone
        hints = {}
    for each in parameters:
        if each.kind is not inspect.Parameter.VAR_POSITIONAL:
            yield each.name, hints.get(each.name, each.annotation), each.default, None


def _constructor(plain: Callable[..., Any]) -> Any:
    return getattr(plain, "__init__") if isinstance(plain, type) else None  # noqa: B009  # mypy takes it for an instance's


def _meanings(plain: Callable[..., Any]) -> dict[str, str]:
    """Of the docstring, or of that of a class's constructor."""
    texts = (inspect.getdoc(plain), inspect.getdoc(_constructor(plain)))
    parts = [part for text in reversed(texts) for part in docstring_parser.parse(text or "").params]
    return {part.arg_name: part.description or "" for part in parts}


def _silent() -> logging.Logger:
    """It logs whatever it cannot resolve."""
    logger = logging.getLogger(f"{__name__}.silent")
    logger.disabled = True
    return logger


def _sentence(text: str) -> str:
    first = re.split(r"(?<=[a-z)\]])\.(?:\s|$)", _joined(text), maxsplit=1)[0]
    first = re.sub(r"\s*\(?[Dd]efault:?.*$", "", first).strip()
    return first if len(first) <= LONGEST else first[: LONGEST - 3] + "..."


def _joined(text: str) -> str:
    """Lines of a paragraph on one; markup as its words. Ours have backquotes only around arguments' names."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n".join(ROLE.sub(lambda found: found[1] or found[2] or "", " ".join(each.split())) for each in paragraphs)


def _type(hint: Any) -> str:
    if hint is inspect.Parameter.empty:
        return ""
    return hint if isinstance(hint, str) else in_words(hint)


def in_yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
