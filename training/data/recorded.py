"""A source as run folders and model cards hold it: with every argument, so that later versions may change a default."""

import inspect
from dataclasses import replace
from typing import Any

from torchferry.training.config.instantiate import Component
from torchferry.training.data import SOURCES

FORMER: dict[str, dict[str, Any]] = {
    "table": {"split": "shuffle", "datatype": "float32", "scale_target": False},
}
"""By source, what was done before there was an argument for it; records of that time do not have it."""


def with_defaults(source: Component) -> Component:
    """All arguments of a source of ours, those that the recipe leaves out as well."""
    if source.name not in SOURCES:
        return source
    try:
        bound = inspect.signature(SOURCES[source.name]).bind_partial(**source.args)
    except TypeError:  # an argument that the source does not have, of which its builder says so
        return source
    bound.apply_defaults()
    # The task is the recipe's own, and told to the source when it is built.
    args = {name: value for name, value in bound.arguments.items() if name != "task" or name in source.args}
    return replace(source, args=args)


def as_begun(source: Component, record: Component) -> Component:
    """The source of a run that goes on, for what neither its recipe nor its `record` says: as it was when it began."""
    if record.name != source.name:
        return source
    former = FORMER.get(source.name, {}).items()
    return replace(source, args={key: value for key, value in former if key not in record.args} | source.args)


def as_recorded(source: Component) -> Component:
    """The same of a source in a record, where what is missing is as it was before it could be said."""
    return with_defaults(replace(source, args=FORMER.get(source.name, {}) | source.args))
