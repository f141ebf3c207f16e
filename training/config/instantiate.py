"""A part of a recipe that is picked by name: a model, a data source, a loss, an optimizer."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torchferry
from torchferry.errors import UserError

FORMER = ("training", "serving", "benchmarks")
"""Our packages' names before they stood in a namespace; recipes and run folders of that time hold import paths."""


@dataclass(kw_only=True)
class Component:
    """What to build, and with which arguments."""

    name: str
    """A name from our own list, or an import path such as torchvision.models.resnet18."""
    args: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments for it."""


def build(component: Component, known: Mapping[str, Callable[..., Any]], what: str, *given: Any) -> Any:
    """Call what `component` names, with `given` first and the component's own arguments after.

    `what` is the recipe's key, for the message. Raises UserError for a name that is neither in
    `known` nor importable, and for arguments that do not fit.
    """
    factory = known.get(component.name) or _imported(component.name, known, what)
    try:
        inspect.signature(factory).bind(*given, **component.args)
    except ValueError as error:  # a builtin without a signature
        raise UserError(f"{what}.name: {component.name} cannot be built from a recipe: {error}") from error
    except TypeError as error:
        raise UserError(f"{what}.args: {error} for {component.name}{inspect.signature(factory)}") from error
    try:
        return factory(*given, **component.args)
    except UserError:
        raise
    except Exception as error:  # whatever somebody's class raises at its arguments
        raise UserError(f"{what}: {component.name} could not be built: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """What an error says, with its kind."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _imported(path: str, known: Mapping[str, Any], what: str) -> Callable[..., Any]:
    names = ", ".join(sorted(known))
    module_name, _, attribute = path.rpartition(".")
    if not module_name:
        raise UserError(f"{what}.name: '{path}' is not one of {names}, nor an import path like package.module.Name")
    try:
        factory = getattr(_module(module_name), attribute)
    except Exception as error:  # somebody's module runs here
        raise UserError(f"{what}.name: cannot import '{path}': {one_line(error)}; known names are {names}") from error
    if not callable(factory):
        raise UserError(f"{what}.name: '{path}' is a {type(factory).__name__}, not a class or function")
    return factory


def _module(name: str) -> ModuleType:
    """Import it. What was ours as `training.x` is `torchferry.training.x`, unless somebody else has the name."""
    first, _, rest = name.partition(".")
    if first in FORMER and rest and _is_ours(first):
        name = f"torchferry.{name}"
    return importlib.import_module(name)


def _is_ours(former: str) -> bool:
    """A checkout's folder of that name, or nobody's package at all."""
    try:
        found = importlib.import_module(former)
    except ModuleNotFoundError as error:
        if error.name != former:  # somebody's package is there, and lacks what it needs
            raise
        return True
    folder = Path(torchferry.__file__).resolve().parents[1]
    return found.__file__ is not None and Path(found.__file__).resolve() == folder / former / "__init__.py"
