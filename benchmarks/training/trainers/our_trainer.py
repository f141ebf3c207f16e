"""Our trainer as it is, also where some of its packages are missing (stand_ins.py).

torchrun --standalone --nproc-per-node 2 -m torchferry.benchmarks.training.trainers.our_trainer --config RECIPE
"""

import dataclasses
import json
import runpy
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from torchferry.benchmarks.training.trainers import stand_ins


def main() -> None:
    unchecked = "jsonargparse" in stand_ins.missing()
    stand_ins.install()
    if unchecked:
        from torchferry.training.config import cli

        cli.parse = read
    runpy.run_module("torchferry.training", run_name="__main__", alter_sys=True)


def read(arguments: Sequence[str], *, environment: bool = False) -> Any:  # noqa: ARG001  # as the true one
    """The Recipe in the file of `--config FILE`, which is all that can be said; nobody looks for mistakes in it."""
    from torchferry.training.config.recipe import Recipe

    _, file = arguments
    try:
        content = json.loads(Path(file).read_text())
    except ValueError:
        import yaml  # not at the top: it may be a stand-in

        content = yaml.safe_load(Path(file).read_text())
    return made(Recipe, content)


def made(kind: Any, value: Any) -> Any:
    """`value` as the annotation `kind` says: mappings become dataclasses, text becomes paths."""
    if value is None:
        return None
    if get_origin(kind) is types.UnionType:
        kinds = [each for each in get_args(kind) if each is not types.NoneType]
        parts = [each for each in kinds if dataclasses.is_dataclass(each)]
        kind = (parts if parts and isinstance(value, Mapping) else kinds)[0]
    if get_origin(kind) is list:
        return [made(get_args(kind)[0], each) for each in value]
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        hints = get_type_hints(kind)
        return kind(**{key: made(hints[key], each) for key, each in value.items()})  # type: ignore[operator]
    return Path(value) if kind is Path else value


if __name__ == "__main__":
    main()
