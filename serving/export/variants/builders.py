"""Every variant's builder, by the variant's name."""

import importlib
from collections.abc import Callable
from pathlib import Path

from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.quantize import Refusal
from torchferry.serving.session.runtimes import RUNTIMES

Builder = Callable[[Graphs, Path, Refusal], str | None]
"""Writes the variant's file, in a folder that is there; returns what had to be done so that it is accepted, if anything
was. Raises CannotBuild."""


def _imported(path: str) -> Builder:
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)


BUILDERS: dict[str, Builder] = {runtime.variant: _imported(runtime.builder) for runtime in RUNTIMES.values()}
