"""A mask as its runs: a class and how many pixels it goes on, row by row."""

import math
from collections.abc import Sequence

import numpy as np


def runs_of(mask: np.ndarray) -> np.ndarray:
    """int64 [runs, 2] of uint8 [height, width]: class and length of each."""
    flat = mask.reshape(-1)
    if not flat.size:
        return np.zeros((0, 2), np.int64)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    return np.stack([flat[starts].astype(np.int64), lengths], axis=1)


def written(runs: np.ndarray) -> list[int]:
    """[class, length, class, length, ...]"""
    return runs.reshape(-1).tolist()


def read(runs: Sequence[int], size: tuple[int, ...]) -> np.ndarray:
    """uint8 of this size. Raises ValueError for runs of another number of pixels."""
    classes, lengths = np.asarray(runs, np.int64).reshape(-1, 2).T
    if (lengths < 0).any() or lengths.sum() != math.prod(size):
        raise ValueError(f"the runs have {int(lengths.sum()):,} pixels, not {math.prod(size):,}")
    return np.repeat(classes.astype(np.uint8), lengths).reshape(size)
