"""Tasks as the trainer and the export take them: the half that needs torch, of what the contract says."""

import importlib
from collections.abc import Mapping
from typing import Any

from torchferry.contract.tasks.find import kind_of
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.training.data.source import Source
from torchferry.training.tasks.task import TrainingTask


def half_class(kind: type[Task]) -> type[TrainingTask]:
    """Raises UserError where a task of the user's names none."""
    module, _, name = kind.training.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # somebody's module runs here
        said = " ".join(str(error).split())
        where = f"{kind.__module__}.{kind.__qualname__}.training"
        raise UserError(f"{where}: cannot import '{kind.training}': {type(error).__name__}: {said}") from error
    if not (isinstance(found, type) and issubclass(found, TrainingTask)):
        raise UserError(f"{kind.training}: is no class derived from torchferry.training.tasks.task.TrainingTask")
    return found


def half_of(task: Task) -> TrainingTask:
    return half_class(type(task))(task)


def task_for(name: str, settings: Mapping[str, Any], source: Source) -> TrainingTask:
    """What a recipe names, for the samples of its source. Raises UserError for data of another task."""
    kind = kind_of(name)
    return half_class(kind).of(kind, settings, source)
