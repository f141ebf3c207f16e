"""A recipe as a fingerprint holds it: its keys, dotted, and their values."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from torchferry.training.checkpointing.may_differ import SAME_RUN, is_free
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig, OptimizerConfig, Recipe
from torchferry.training.data.recorded import as_recorded, untold, with_defaults

_ARGUMENTS = "data.source.args."


def recorded(recipe: Recipe) -> Recipe:
    """With everything that its source leaves to defaults."""
    return replace(recipe, data=replace(recipe.data, source=with_defaults(recipe.data.source)))


def flat(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """Its keys, dotted, and their values."""
    return _flat(asdict(recipe) | {"runs_dir": str(recipe.runs_dir)})


def completed(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a fingerprint, with what was done before keys that it lacks could be said."""
    source = untold(_source(saved))
    saved = _with_source(saved, source)
    as_then = Recipe(
        name=saved["name"],
        data=DataConfig(source=as_recorded(source)),
        model=Component(name=saved["model.name"]),
        optimizer=OptimizerConfig(name=saved["optimizer.name"]),
    )
    # None is as good as missing, and beside `weights.source` there is no `weights`.
    said = {key: value for key, value in flat(as_then) if value is not None and not is_free(key, SAME_RUN)}
    return dict(json.loads(json.dumps(said, default=str))) | dict(saved)  # as it was written: tuples become lists


def _with_source(saved: Mapping[str, Any], source: Component) -> dict[str, Any]:
    """With these of the source's arguments and no others."""
    others = {key: value for key, value in saved.items() if not key.startswith(_ARGUMENTS)}
    return others | dict(_flat(source.args, _ARGUMENTS))


def _source(saved: Mapping[str, Any]) -> Component:
    """Of an argument that is a dict, what lies deeper in it keeps its dotted key."""
    args: dict[str, Any] = {}
    for key, value in saved.items():
        if key.startswith(_ARGUMENTS):
            name, _, inner = key.removeprefix(_ARGUMENTS).partition(".")
            if inner:
                args.setdefault(name, {})[inner] = value
            else:
                args[name] = value
    return Component(name=saved["data.source.name"], args=args)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
