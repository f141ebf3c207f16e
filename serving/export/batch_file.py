"""Batches of arrays in a file: what took long to make is made once, and memory holds one batch at a time."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils import _pytree as pytree

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
        self.structures: list[pytree.TreeSpec] = []
        """Of each batch that is in it, how its arrays are put together."""
        self.is_full = False
        path.touch()

    def add(self, number: int, batch: Any) -> None:
        """The `number`th batch, from 0, arrays in lists and dicts; nothing happens if it is in the file, or does not
        fit."""
        if number != len(self.structures) or self.is_full:
            return
        arrays, structure = pytree.tree_flatten(batch)
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
        self.structures.append(structure)

    def __iter__(self) -> Iterator[Any]:
        with self.path.open("rb") as file:
            for each in self.structures:
                arrays = [np.lib.format.read_array(file, allow_pickle=False) for _ in range(each.num_leaves)]
                yield pytree.tree_unflatten(arrays, each)
