"""A source from the recipe's words, for the task that the recipe names."""

import inspect

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source


def build_source(component: Component, task: str) -> Source:
    """One of ours that has to know the task is told; a recipe need not say it twice.

    Raises UserError where it says it twice and differently.
    """
    ours = SOURCES.get(component.name)
    if ours is None or "task" not in inspect.signature(ours).parameters:
        return build(component, SOURCES, "data.source")
    of_source = "regression" if task == "regression" else "classification"
    given = component.args.get("task", of_source)
    if given != of_source:
        raise UserError(
            f"data.source.args.task: '{given}' contradicts task: {task}; leave it out, the recipe's own task decides"
        )
    return build(Component(name=component.name, args=component.args | {"task": of_source}), SOURCES, "data.source")
