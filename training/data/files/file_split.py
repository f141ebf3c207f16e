"""Files of both sides, the trained and the held-out ones, and the source that they make."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch.utils.data import Dataset

from torchferry.errors import UserError, some
from torchferry.training.data.files.file_keys import file_keys
from torchferry.training.data.files.file_kind import FileKind
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.membership import held_out
from torchferry.training.data.source import Input, Source


class FileSamples(Protocol):
    """A data set of files, which can be read at once."""

    def decoded(self) -> Dataset: ...


@dataclass(frozen=True)
class FileSplit:
    """Files of both sides, their names relative to the side's folder."""

    kind: FileKind
    labels: tuple[str, ...]
    folders: tuple[Path, Path]
    files: tuple[FileList, FileList]
    notes: tuple[str, ...] = ()
    """What was left out or assumed, one line each."""
    damaged: tuple[str, ...] = ()
    """What is not there, one line each."""

    def source(
        self,
        samples: Callable[[Path, FileList], FileSamples],
        input: Input,
        limit: int | None = None,
        in_memory: bool = False,
    ) -> Source:
        """Raises UserError for a class without a training file, and for an empty test set."""
        word = self.kind.word
        trained, tested = (_counts(files, self.labels) for files in self.files)
        lacks = [
            f"{self.folders[0]}: class {label} has no {word} to train on" for label in self.labels if not trained[label]
        ]
        if not any(tested.values()):
            lacks.append(f"{self.folders[1]}: has no {word} to test on")
        if lacks:
            raise UserError("; ".join((lacks[0], f"{', '.join(self.kind.formats)} are read", *self.notes)))
        untested = tuple(label for label in self.labels if not tested[label])
        notes = (f"{self.folders[1]}: has no {word} of {some(untested)} to test on",) if untested else ()
        train, test = (files.limited(limit) for files in self.files)
        both = [samples(folder, files) for folder, files in zip(self.folders, (train, test), strict=True)]
        read: list[Dataset] = [each.decoded() for each in both] if in_memory else both  # type: ignore[assignment]
        return Source(
            train=read[0],
            test=read[1],
            labels=self.labels,
            input=input,
            keys=train.groups,
            listings={"train": train.listing(), "test": test.listing()},
            notes=self.notes + notes,
            damaged=self.damaged,
        )


def split_by_content(
    kind: FileKind,
    folder: Path,
    files: FileList,
    labels: tuple[str, ...],
    fraction: float,
    seed: int,
    notes: tuple[str, ...] = (),
    damaged: tuple[str, ...] = (),
) -> FileSplit:
    """About `fraction` of each class is held out, by `seed` and content alone: equal files are on one side, and none
    changes sides when others come or go, or when it is renamed; where files have groups, by these. With 0 the test set
    is the training set.

    Raises UserError for a class that has none left."""
    if not 0 <= fraction < 1:
        raise UserError(f"{ARGS}.test_fraction: {fraction} is not 0 or more and below 1")
    if fraction == 0:
        return FileSplit(kind, labels, (folder, folder), (files, files), notes, damaged)
    if seed < 0:
        raise UserError(f"{ARGS}.split_seed: {seed} is too small; give 0 or more")
    are_held = held_out(file_keys(folder, files), fraction, seed)
    train, test = files.taken(np.flatnonzero(~are_held)), files.taken(np.flatnonzero(are_held))
    there, left = _counts(files, labels), _counts(train, labels)
    for label in labels:
        if there[label] and not left[label]:
            way = f"give another {ARGS}.split_seed, or less than {fraction}"
            raise UserError(f"{folder}: all {there[label]} of class {label} fall into the test set; {way}")
    return FileSplit(kind, labels, (folder, folder), (train, test), notes, damaged)


def _counts(files: FileList, labels: tuple[str, ...]) -> dict[str, int]:
    counts: list[int] = np.bincount(files.classes, minlength=len(labels)).tolist()
    return dict(zip(labels, counts, strict=True))
