"""A part of a recipe that is picked by name: a model, a data source, a loss, an optimizer."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torchferry
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean, nearest

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
    _check_arguments(factory, component, what, given)
    try:
        return factory(*given, **component.args)
    except UserError:
        raise
    except Exception as error:  # whatever somebody's class raises at its arguments
        raise UserError(f"{what}: {component.name} could not be built: {one_line(error)}") from error


def _check_arguments(factory: Callable[..., Any], component: Component, what: str, given: tuple[Any, ...]) -> None:
    """Raises UserError for arguments that the signature does not have or that it lacks."""
    try:
        signature = inspect.signature(factory)
    except ValueError as error:  # a builtin without a signature
        raise UserError(f"{what}.name: {component.name} cannot be built from a recipe: {error}") from error
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    own = list(signature.parameters)[len(given) :]
    for name in component.args:
        if name not in own and inspect.Parameter.VAR_KEYWORD not in kinds:
            hint = did_you_mean(name, own, f"it takes {', '.join(own)}" if own else "it takes none")
            raise UserError(f"{what}.args.{name}: unknown argument of {component.name}{hint}")
    try:
        signature.bind(*given, **component.args)
    except TypeError as error:
        raise UserError(f"{what}.args: {error} for {component.name}{signature}") from error


def one_line(error: BaseException) -> str:
    """What an error says, with its kind."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _imported(path: str, known: Mapping[str, Any], what: str) -> Callable[..., Any]:
    factory = find(path, known, what)
    if not callable(factory):
        raise UserError(f"{what}.name: '{path}' is a {type(factory).__name__}, not a class or function")
    return factory


def find(path: str, known: Mapping[str, Any], what: str) -> Any:
    """What an import path names. Raises UserError, with the nearest of `known` or of what the module has."""
    module_name, _, attribute = path.rpartition(".")
    if not module_name:
        names = ", ".join(sorted(known))
        otherwise = f"'{path}' is not one of {names}, nor an import path like package.module.Name"
        found = nearest(path, known)
        raise UserError(f"{what}.name: " + (f"there is no '{path}'; did you mean {found}?" if found else otherwise))
    holder = None
    try:
        holder = _module_or_class(module_name)
        return getattr(holder, attribute)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        hint = _nearest_module(missing) if f"{module_name}.".startswith(f"{missing}.") else ""
        raise UserError(f"{what}.name: cannot import '{path}': {one_line(error)}{hint}") from error
    except AttributeError as error:
        if holder is None:  # it comes from the module's own code
            raise UserError(f"{what}.name: cannot import '{path}': {one_line(error)}") from error
        hint = did_you_mean(attribute, (name for name in dir(holder) if not name.startswith("_")))
        hint = hint.replace("mean ", f"mean {module_name}.")
        raise UserError(f"{what}.name: cannot import '{path}': {module_name} has no {attribute}{hint}") from error
    except Exception as error:  # somebody's module runs here
        raise UserError(f"{what}.name: cannot import '{path}': {one_line(error)}") from error


def _nearest_module(missing: str) -> str:
    package, _, name = missing.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", None) if package else None
    if package and folders is None:
        return ""
    found = did_you_mean(name, (module.name for module in pkgutil.iter_modules(folders)))
    return found.replace("mean ", f"mean {package}.") if package else found


def _module_or_class(name: str) -> Any:
    """A module, or a class in one, whose classmethods make things too: package.module.Net.from_file."""
    try:
        return _module(name)
    except ModuleNotFoundError as error:
        outer, _, inner = name.rpartition(".")
        if not outer or not (error.name or "").endswith(name):
            raise
        found = getattr(_module(outer), inner, None)
        if not isinstance(found, type):
            raise
        return found


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
