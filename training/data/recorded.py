"""A source as run folders and model cards hold it: with every argument, so that later versions may change a default."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torchferry.training.config.instantiate import Component
from torchferry.training.data import SOURCES
from torchferry.training.data.arguments import recipe_arguments
from torchferry.training.data.pictures.image_input import image_input

TOLD = ("targets", "task")
"""Arguments that the recipe's task decides: a source is told when it is built. `task` is what they said before."""
OLD_SUFFIXES = ["jpg", "jpeg", "png", "webp", "bmp"]
FORMER: dict[str, dict[str, Any]] = {
    "dataset": {"image": {"exif": "ignore"}},
    "image_folder": {"exif": "ignore", "suffixes": OLD_SUFFIXES},
    "table": {"split": "shuffle", "datatype": "float32", "scale_target": False},
    "webdataset": {"exif": "ignore", "endings": OLD_SUFFIXES},
}
"""By source, what was done before there was an argument for it; records of that time do not have it."""


def with_defaults(source: Component) -> Component:
    """All arguments of a source of ours, those that the recipe leaves out as well."""
    if source.name not in SOURCES:
        return source
    try:
        args = _bound(SOURCES[source.name], untold(source).args)
        if isinstance(args.get("image"), dict):
            args["image"] = _bound(image_input, args["image"])
    except TypeError:  # an argument that the source does not have, of which its builder says so
        return source
    return untold(replace(source, args=args))


def untold(source: Component) -> Component:
    """Without what the recipe's task decides, of one of ours."""
    if source.name not in SOURCES:
        return source
    return replace(source, args={name: value for name, value in source.args.items() if name not in TOLD})


def _bound(function: Callable[..., Any], args: Mapping[str, Any]) -> dict[str, Any]:
    bound = inspect.signature(function).bind_partial(**args)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name in recipe_arguments(function)}


def _with_former(source: Component, record: Mapping[str, Any]) -> Component:
    """Where the source does not say it, and the `record` says nothing else."""
    args = dict(source.args)
    for name, value in FORMER.get(source.name, {}).items():
        if not isinstance(value, dict):
            args |= {name: value} if name not in args and record.get(name, value) == value else {}
        elif isinstance(args.get(name), dict):
            said = record.get(name) or {}
            args[name] = {key: each for key, each in value.items() if said.get(key, each) == each} | args[name]
    return replace(source, args=args)


def as_begun(source: Component, record: Component) -> Component:
    """The source of a run that goes on, for what neither its recipe nor its `record` says: as it was when it began."""
    return _with_former(source, record.args) if record.name == source.name else source


def as_recorded(source: Component) -> Component:
    """The same of a source in a record, where what is missing is as it was before it could be said."""
    return with_defaults(_with_former(source, {}))
