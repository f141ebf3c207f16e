"""A component's arguments with their types, defaults and meanings, from its annotations and its docstring."""

import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, kw_only=True)
class Description:
    summary: str
    arguments: tuple[Argument, ...]


def describe(component: Callable[..., Any], given: int = 0) -> Description:
    """`given` arguments come first and not from a recipe. Of what is not ours, the first sentences have to do."""
    plain = inspect.unwrap(component)
    ours = (getattr(plain, "__module__", None) or "").startswith("torchferry.")
    parsed = docstring_parser.parse(inspect.getdoc(plain) or "")
    meanings = {part.arg_name: part.description or "" for part in parsed.params}
    summary = parsed.description if ours else _sentence(parsed.short_description or "")
    arguments = (
        Argument(
            name=found.name,
            type=_type(found.annotation),
            default=None if found.default is inspect.Parameter.empty else in_yaml(found.default),
            meaning=_meaning(meanings.get(found.name) or found.doc or "", ours),
        )
        for found in get_signature_parameters(plain, logger=_silent())[given:]
        if found.name not in LEFT_OUT
    )
    return Description(summary=_joined(summary or ""), arguments=tuple(arguments))


def _silent() -> logging.Logger:
    """It logs whatever it cannot resolve."""
    logger = logging.getLogger(f"{__name__}.silent")
    logger.disabled = True
    return logger


def _meaning(text: str, ours: bool) -> str:
    return _joined(text) if ours else _sentence(text)


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
