"""Files that belong together, such as those of one speaker, by a part of their paths; no split parts them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from torchferry.errors import UserError, some
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.membership import key_of

KEY = f"{ARGS}.group"


@dataclass(frozen=True)
class Groups:
    """By a regular expression, whose one group in parentheses is what files have in common."""

    pattern: re.Pattern[str]

    @classmethod
    def by(cls, pattern: str | None) -> "Groups | None":
        """Raises UserError for what is no such expression."""
        if pattern is None:
            return None
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise UserError(f"{KEY}: '{pattern}' is no regular expression: {error}") from error
        if compiled.groups != 1:
            how = "one part in parentheses is expected, such as ([^/_]+)_[^/]*$ for that before the last _"
            raise UserError(f"{KEY}: '{pattern}' has {compiled.groups} parts in parentheses; {how}")
        return cls(compiled)

    def of(self, folder: Path, files: FileList) -> FileList:
        """Raises UserError for a file whose path says no group."""
        return grouped(files, self._names(folder, files))

    def of_both(self, folder: Path, files: FileList, other_folder: Path, others: FileList) -> tuple[FileList, FileList]:
        """Raises UserError for a group that is on both sides."""
        names, other_names = self._names(folder, files), self._names(other_folder, others)
        check_apart(names, other_names, f"{folder} and {other_folder}")
        return grouped(files, names), grouped(others, other_names)

    def _names(self, folder: Path, files: FileList) -> list[str]:
        return [self._name(folder, os.fsdecode(files.name(index))) for index in range(len(files))]

    def _name(self, folder: Path, path: str) -> str:
        found = self.pattern.search(path)
        if found is None or not found[1]:
            raise UserError(f"{KEY}: '{self.pattern.pattern}' finds no group in {path}, a file in {folder}")
        return str(found[1])


def grouped(files: FileList, names: Sequence[str]) -> FileList:
    """With the group that each belongs to."""
    keys = {name: key_of(os.fsencode(name)) for name in set(names)}
    return replace(files, groups=np.array([keys[name] for name in names], np.uint64))


def check_apart(names: Sequence[str], others: Sequence[str], where: str) -> None:
    """Raises UserError for a group of files to train on that has some to test on."""
    if both := sorted(set(names) & set(others)):
        raise UserError(f"{where}: both have files of {'group' if len(both) == 1 else 'groups'} {some(both)}")
