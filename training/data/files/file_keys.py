"""Hashes of files by their content, which decides on their side of a split, so that copies stay together."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.membership import key_of

ENDS = 4096
"""Bytes of the beginning and of the end that are read. Files that differ only between them are on one side, which
does no harm."""
READERS = 16
CHUNK = 256


def file_keys(folder: Path, files: FileList) -> np.ndarray:
    """uint64 [files]: its group's where files have groups, else a hash of each one's size, first and last bytes; of its
    name where it cannot be read."""
    if files.groups is not None:
        return files.groups
    keys = np.empty(len(files), np.uint64)

    def fill(start: int) -> None:
        for index in range(start, min(start + CHUNK, len(files))):
            keys[index] = _key(os.fsencode(folder), files.name(index))

    with ThreadPoolExecutor(READERS) as pool:  # a disk is waited for most of the time
        for _ in pool.map(fill, range(0, len(files), CHUNK)):
            pass
    return keys


def _key(folder: bytes, name: bytes) -> int:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            begins = file.read(ENDS)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - ENDS))
            content = b"%d\0%b%b" % (size, begins, file.read(ENDS))
    except OSError:  # told when the sample is wanted
        content = name
    return key_of(content)
