"""Reads the record of a run that goes on, before anything is built: the recipe that it began with, and what its
checkpoint knows.

Each rank reads it for itself, on its disk and in the store, before it waits for another, so that what does not fit is
refused on all alike and at once. The lock of the run is not taken yet, and another process may save or remove
checkpoints meanwhile, so ranks may read different ones. They build the same all the same: what a source takes from a
checkpoint is in all of a run alike, since each start takes it over from the one before. That leaves a run which
somebody else begins, or removes, at this moment: compare_start.py compares with the checkpoint that is chosen under the
lock, and the ranks with each other, and refuses by name what does not agree.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import yaml

from torchferry import run_folder
from torchferry.errors import UserError
from torchferry.training.checkpointing.checkpoint import FINGERPRINT, NO_CHECKPOINT
from torchferry.training.checkpointing.fingerprint import Fingerprint, of_card, parsed
from torchferry.training.checkpointing.remote_folder import LIST
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.saved_files import OnDisk, SavedFiles, in_store, on_disk, read_file
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import Recipe
from torchferry.training.data import recorded


class Record(NamedTuple):
    where: str
    fingerprint: Fingerprint


def saved_before(recipe: Recipe, stored: RemoteRun | None, given: RemoteRun | None) -> list[SavedFiles]:
    """The run's own checkpoints, the newest first; where it has none, those that `resume` names.

    `given` is what `resume` names where that is a URL. Raises UserError for one without a checkpoint, and StoreError.
    """
    own = [*in_store(stored, "checkpoint.store"), *on_disk(recipe.run_dir / run_folder.CHECKPOINTS)]
    if own or recipe.resume in ("auto", "none"):
        return sorted(own, key=lambda each: each.step, reverse=True)  # of equal steps the store's is first
    if given is None:
        return _at(Path(recipe.resume))
    if not (found := in_store(given, "resume")):
        raise UserError(f"resume: {given.url} {NO_CHECKPOINT}")
    return found


def as_begun(recipe: Recipe, saved: Sequence[SavedFiles]) -> Recipe:
    """The recipe, where a run of an earlier version goes on whose source lacks what it can be told today: what was done
    then. What the recipe itself says stays, and is compared later; so is a record that cannot be read."""
    for text in _configs(recipe, saved):
        try:
            content = yaml.safe_load(text)["data"]["source"]
            record = Component(name=content["name"], args=dict(content.get("args") or {}))
        except (ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
            continue
        return replace(recipe, data=replace(recipe.data, source=recorded.as_begun(recipe.data.source, record)))
    return recipe


def known_before(saved: Sequence[SavedFiles]) -> Record | None:
    """Of the newest whose record is as it was saved; a damaged one is told when the checkpoints are read."""
    for each in saved:
        try:
            if (found := record_of(each)) is not None:
                return found
        except UserError:
            continue
    return None


def record_of(saved: SavedFiles) -> Record | None:
    """Of a checkpoint; of one of before, what the model beside it knows, or None where there is none.

    Raises UserError for one that is not complete, and for a file that is not as it was saved, or no fingerprint.
    """
    file = f"{saved.where}/{FINGERPRINT}"
    try:
        checksums = dict(json.loads(saved.read(LIST) or b""))
    except (ValueError, TypeError) as error:
        raise UserError(f"{saved.where}: is not a complete checkpoint: {error}") from error
    if FINGERPRINT not in checksums:
        card = of_card(saved.card() or b"")
        return None if card is None else Record(saved.where, card)
    content = saved.read(FINGERPRINT) or b""
    if hashlib.sha256(content).hexdigest() != checksums[FINGERPRINT]:
        raise UserError(f"{file}: is damaged (its checksum differs)")
    return Record(saved.where, parsed(content, file))


def _configs(recipe: Recipe, saved: Sequence[SavedFiles]) -> Iterator[bytes]:
    """The run's own first, which is there before any checkpoint is."""
    yield read_file(recipe.run_dir / run_folder.CONFIG) or b""
    for each in saved:
        yield each.config() or b""


def _at(path: Path) -> list[SavedFiles]:
    """A checkpoint's folder, or those of a run's."""
    if (path / LIST).is_file():
        return [OnDisk(path)]
    return on_disk(path / run_folder.CHECKPOINTS) or on_disk(path)
