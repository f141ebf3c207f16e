"""A source from the recipe's words, with the kind of targets that the recipe's task takes."""

import inspect

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source


def build_source(component: Component, targets: str) -> Source:
    """One of ours that can give several kinds of targets is told which; a recipe need not say it twice.

    Raises UserError where it says it twice and differently.
    """
    ours = SOURCES.get(component.name)
    if ours is None or "targets" not in inspect.signature(ours).parameters:
        return build(component, SOURCES, "data.source")
    given = component.args.get("targets", targets)
    if given != targets:
        raise UserError(
            f"data.source.args.targets: '{given}' contradicts the recipe's task, which takes {targets}; leave it out, "
            "the task decides"
        )
    return build(Component(name=component.name, args=component.args | {"targets": targets}), SOURCES, "data.source")
