"""A source from the recipe's words, with the kind of targets that the recipe's task takes."""

import inspect
from typing import get_args

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.recorded import TOLD, untold
from torchferry.training.data.source import Source

FORMER = {"classes": "classification", "values": "regression"}
"""As recipes said it to a source before."""


def build_source(component: Component, targets: str) -> Source:
    """One of ours that can give several kinds of targets is told which; a recipe need not say it twice.

    Raises UserError where it says it twice and differently.
    """
    ours = SOURCES.get(component.name)
    if ours is None or (argument := inspect.signature(ours).parameters.get("targets")) is None:
        return build(component, SOURCES, "data.source")
    for name, given in component.args.items():
        if name in TOLD and given not in (targets, FORMER.get(targets)):
            raise UserError(
                f"data.source.args.{name}: '{given}' contradicts the recipe's task, which takes {targets}; leave it "
                "out, the task decides"
            )
    told = untold(component).args
    if targets in get_args(argument.annotation):  # else it gives its own, of which the task says what is wrong
        told = told | {"targets": targets}
    return build(Component(name=component.name, args=told), SOURCES, "data.source")
