"""The files of a data set: their names, sizes and classes, packed, because there may be millions."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from torchferry.training.data.source import Listing
from torchferry.training.errors import CorruptSample


@dataclass(frozen=True)
class FileList:
    """Arrays, not objects: worker processes would copy objects by counting references."""

    packed: bytes
    """All names, one after the other."""
    ends: np.ndarray
    """int64 [files]: where each name ends in `packed`."""
    sizes: np.ndarray
    """int64 [files]: bytes of each file."""
    classes: np.ndarray
    """int64 [files]"""
    groups: np.ndarray | None = None
    """uint64 [files]: a hash of what files have in common that belong together, such as who speaks."""

    @classmethod
    def of(cls, names: Sequence[bytes], sizes: Sequence[int], classes: int | Sequence[int]) -> "FileList":
        """`classes` is one for all of them, or one for each. Without groups."""
        ends = np.cumsum(np.fromiter(map(len, names), np.int64, len(names)), dtype=np.int64)
        given = np.asarray(classes, np.int64)
        return cls(b"".join(names), ends, np.asarray(sizes, np.int64), np.broadcast_to(given, ends.shape))

    @classmethod
    def joined(cls, lists: Iterable["FileList"]) -> "FileList":
        """Without groups."""
        lists = [*lists, cls.of([], [], [])]
        starts = np.cumsum([0, *(len(each.packed) for each in lists[:-1])])
        return cls(
            b"".join(each.packed for each in lists),
            np.concatenate([each.ends + start for each, start in zip(lists, starts, strict=True)]),
            np.concatenate([each.sizes for each in lists]),
            np.concatenate([each.classes for each in lists]),
        )

    def __len__(self) -> int:
        return len(self.ends)

    def name(self, index: int) -> bytes:
        return self.packed[int(self.ends[index - 1]) if index else 0 : int(self.ends[index])]

    def read(self, folder: Path, index: int) -> tuple[str, bytes]:
        """The path of a file whose name is relative to `folder`, and what it holds. Raises CorruptSample."""
        path = folder / os.fsdecode(self.name(index))
        try:
            return str(path), path.read_bytes()
        except OSError as error:
            raise CorruptSample(f"{path}: cannot be read: {error.strerror}") from error

    def taken(self, indices: np.ndarray) -> "FileList":
        """Those at `indices`, in their order."""
        names = [self.name(index) for index in indices.tolist()]
        taken = FileList.of(names, self.sizes[indices], self.classes[indices])
        return taken if self.groups is None else replace(taken, groups=self.groups[indices])

    def limited(self, limit: int | None) -> "FileList":
        """One of each class, then a second of each, up to `limit` of them, in the order of the list."""
        if limit is None or limit >= len(self):
            return self
        by_class = np.argsort(self.classes, kind="stable")
        starts = np.searchsorted(self.classes[by_class], self.classes)
        place = np.empty(len(self), np.int64)
        place[by_class] = np.arange(len(self))
        order = np.lexsort((self.classes, place - starts))
        return self.taken(np.sort(order[:limit]))

    def listing(self) -> Listing:
        """Of names, sizes and classes, in order."""
        digest = hashlib.sha256(self.packed)
        for array in (self.ends, self.sizes, self.classes):
            digest.update(np.ascontiguousarray(array, "<i8").tobytes())
        return Listing(samples=len(self), sha256=digest.hexdigest())


def sorted_names(names: Iterable[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """(name, size) in the order of the names as text, also of those that are not UTF-8."""
    found = sorted(names)
    try:
        b"".join(name for name, _ in found).decode()
    except UnicodeDecodeError:
        found.sort(key=lambda each: os.fsdecode(each[0]))
    return found
