"""Batches of arrays in a file: what took long to make is made once, and memory holds one batch at a time."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

LIMIT = 4 << 30
"""Bytes of a file; less where the disk has less to spare."""
SHARE = 4
"""At most this part of what is free on the disk."""


class BatchFile:
    """The first batches, as many as fit; whoever reads them makes the others again."""

    def __init__(self, path: Path, limit: int | None = None) -> None:
        """`limit` in bytes."""
        self.path = path
        self.limit = min(LIMIT, shutil.disk_usage(path.parent).free // SHARE) if limit is None else limit
        self.sizes: list[int] = []
        """How many arrays each batch has that is in it."""
        self.is_full = False
        path.touch()

    def add(self, number: int, arrays: Sequence[np.ndarray]) -> None:
        """The `number`th batch, from 0; nothing happens if it is in the file, or does not fit."""
        if number != len(self.sizes) or self.is_full:
            return
        start = self.path.stat().st_size
        if start + sum(array.nbytes for array in arrays) > self.limit:
            self.is_full = True
            return
        try:
            with self.path.open("ab") as file:
                for array in arrays:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        except OSError:  # the disk is full, and the export may do without
            self.is_full = True
            return
        self.sizes.append(len(arrays))

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        with self.path.open("rb") as file:
            for size in self.sizes:
                yield [np.lib.format.read_array(file, allow_pickle=False) for _ in range(size)]
