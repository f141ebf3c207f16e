"""Tensors in a NumPy file: .npy of one input's samples, .npz with an array for each input by its name."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.predict.sample import Sample

HEADS = (b"\x93NUMPY", b"PK\x03\x04")
"""How such files begin."""
# What np.load raises for damaged files and for encrypted ones (RuntimeError).
NOT_ARRAYS = (OSError, ValueError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)


def array_rows(path: Path, source: str) -> Iterator[Sample]:
    """A sample for each place of the first axis. A .npy stays on the disk; the arrays of an .npz are in memory at once.

    Raises UserError.
    """
    arrays = _loaded(path, source)
    sizes = {name: len(values) if values.ndim else 0 for name, values in arrays.items()}
    if len(set(sizes.values())) != 1 or not min(sizes.values()):
        found = ", ".join(f"{name or 'the array'} has {size:,}" for name, size in sizes.items()) or "it has no arrays"
        raise UserError(f"{source}: every array needs as many samples, one or more, along its first axis; {found}")
    for place in range(min(sizes.values())):
        values = {name: _listed(array[place]) for name, array in arrays.items()}
        yield Sample(source, place + 1, "instance", json.dumps(values.get("", values)).encode())


def _loaded(path: Path, source: str) -> Mapping[str, np.ndarray]:
    """By name; the only one of a .npy has none."""
    try:
        content = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = {"": content} if isinstance(content, np.ndarray) else dict(content)
    except NOT_ARRAYS as error:
        raise UserError(f"{source}: is not a .npy or .npz of plain arrays ({error})") from error
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "biufSU":
            raise UserError(f"{source}: {name or 'its array'} is not an array of numbers or strings")
    return arrays


def _listed(values: np.ndarray) -> Any:
    return (np.strings.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values).tolist()
