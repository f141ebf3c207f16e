"""Tasks by name or import path, from what a recipe or a bundle says of them."""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from torchferry.contract.tasks import TASKS, name_of
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean

Said = str | Mapping[str, Any]
"""A task without settings is its name alone, one with some an object that has them beside its `name`."""


def kind_of(name: str, key: str = "task") -> type[Task]:
    """The class. `key` is where the name stands, for the message. Raises UserError for what is neither in the table nor
    the import path of a task."""
    if name in TASKS:
        return TASKS[name]
    module, _, attribute = name.rpartition(".")
    if not module:
        known = f"it is one of {', '.join(TASKS)}, or an import path like package.module.Name"
        raise UserError(f"{key}: there is no '{name}'{did_you_mean(name, TASKS, known)}")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # somebody's module runs here
        said = " ".join(str(error).split())
        raise UserError(f"{key}: cannot import '{name}': {type(error).__name__}: {said}") from error
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise UserError(f"{key}: '{name}' is no class derived from torchferry.contract.tasks.task.Task")
    return found


def made(kind: type[Task], settings: Mapping[str, Any], labels: tuple[str, ...], key: str = "task.args") -> Task:
    """Raises UserError for a setting that the task does not have, or lacks."""
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name != "labels"}
    for name in settings:
        if name not in fields:
            own = [field for field in fields if field not in kind.of_data]
            takes = f"it takes {', '.join(own)}" if own else "it takes none"
            raise UserError(f"{key}.{name}: unknown setting of {name_of(kind)}{did_you_mean(name, own, takes)}")
    required = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in required if name not in settings]:
        raise UserError(f"{key}.{missing[0]}: is missing; {name_of(kind)} needs it")
    try:
        return kind(labels=labels, **{name: _frozen(value) for name, value in settings.items()})
    except UserError as error:  # begins with the setting's name
        raise UserError(f"{key}.{error}") from error


def said_of(task: Task) -> Said:
    """As model.yaml and model.json have it; `task_of` reads it again."""
    name, settings = name_of(type(task)), task.settings
    return {"name": name, **settings} if settings else name


def task_of(said: Said, labels: tuple[str, ...]) -> Task:
    """Raises UserError."""
    if isinstance(said, str):
        return made(kind_of(said), {}, labels)
    settings = dict(said)
    return made(kind_of(settings.pop("name")), settings, labels)


def _frozen(value: Any) -> Any:
    """Lists as tuples, which do not change; also in objects."""
    if isinstance(value, Mapping):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
