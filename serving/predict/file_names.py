"""Names for files that are made of samples: each after its input's, and none twice."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import PurePath

from torchferry.serving.predict.sample import Sample

OF_A_STREAM = "input"


class FileNames:
    def __init__(self, folders: Iterable[str], ending: str) -> None:
        """`folders`: those that were asked about; what lies below them has the same subfolders here."""
        self.folders = tuple(os.path.join(folder, "") for folder in folders)
        self.ending = ending
        self.taken = set[bytes]()
        """By their hashes, since there may be a million."""

    def of(self, sample: Sample) -> PurePath:
        """Relative. Of the same samples in the same order the names are the same."""
        path = self._below(sample.source)
        stem = path.stem if sample.row is None else f"{path.stem}-{sample.row}"
        name, times = path.with_name(f"{stem}.{self.ending}"), 1
        while (key := _key(name)) in self.taken:
            times += 1
            name = path.with_name(f"{stem}_{times}.{self.ending}")
        self.taken.add(key)
        return name

    def _below(self, source: str) -> PurePath:
        folder = max((each for each in self.folders if source.startswith(each)), key=len, default="")
        relative = source.removeprefix(folder) if folder else os.path.basename(source)
        return PurePath(OF_A_STREAM if source == "-" else relative.lstrip(os.sep))


def _key(name: PurePath) -> bytes:
    """The same for names that some file systems take for one."""
    return hashlib.blake2b(os.fsencode(str(name).casefold()), digest_size=8).digest()
