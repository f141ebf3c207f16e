"""Reads a run folder before anything is built: the recipe that the run began with, and what its checkpoint knows.

It is read without a checksum, so that every part can be built for it; what counts is compared later, by take_over.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import yaml

from torchferry import run_folder
from torchferry.errors import UserError
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.fingerprint import Fingerprint, read
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import Recipe
from torchferry.training.data import recorded


class Known(NamedTuple):
    checkpoint: Path
    fingerprint: Fingerprint


def as_begun(recipe: Recipe) -> Recipe:
    """The recipe, where a run of an earlier version goes on whose source lacks what it can be told today: what was done
    then. What the recipe itself says stays, and is compared later; so is a record that cannot be read."""
    for folder in _folders(recipe):
        try:
            content = yaml.safe_load((folder / run_folder.CONFIG).read_text())["data"]["source"]
            record = Component(name=content["name"], args=content.get("args") or {})
        except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
            continue
        return replace(recipe, data=replace(recipe.data, source=recorded.as_begun(recipe.data.source, record)))
    return recipe


def known_before(recipe: Recipe) -> Known | None:
    """Of the newest checkpoint from which the run may go on."""
    for folder in _folders(recipe):
        named = [folder, *checkpoint.newest_first(folder / run_folder.CHECKPOINTS), *checkpoint.newest_first(folder)]
        for path in named:
            try:
                if (path / checkpoint.STATE).is_file() and (found := read(path)) is not None:
                    return Known(path, found)
            except (UserError, OSError):  # a damaged one, which is told when the checkpoints are read
                continue
    return None


def _folders(recipe: Recipe) -> Iterator[Path]:
    """The run's own, or else around what `resume` names."""
    yield recipe.run_dir
    if recipe.resume not in ("auto", "none") and not (recipe.run_dir / run_folder.CONFIG).is_file():
        given = Path(recipe.resume)
        yield from (given, given.parent, given.parent.parent)
