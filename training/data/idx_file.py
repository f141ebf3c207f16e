"""IDX, the format of MNIST's files: two zero bytes, the numbers' type, how many axes, each axis's length, the numbers.

See http://yann.lecun.com/exdb/mnist; lengths and numbers have their highest byte first. A file may be gzipped.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 8


def read_idx(path: Path) -> np.ndarray:
    """The whole array, with the file's own numbers. Raises UserError, which says what is wrong where."""
    data = _bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or not 1 <= data[3] <= MOST_AXES:
        raise UserError(f"{path}: begins with {data[:4].hex(' ') or 'nothing'}, which is not IDX's 00 00 TYPE AXES")
    kind, axes = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise UserError(f"{path}: ends inside its header, after {len(data)} bytes")
    shape = [int(length) for length in np.frombuffer(data, ">u4", axes, 4)]
    expected = start + math.prod(shape) * kind.itemsize
    if len(data) != expected:
        size = f"its header, {' x '.join(map(str, shape))} {kind.name}, makes {expected}"
        raise UserError(f"{path}: has {len(data)} bytes{' unpacked' if _is_packed(path) else ''}; {size}")
    return np.frombuffer(data, kind, offset=start).reshape(shape)


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read: {one_line(error)}") from error


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"
