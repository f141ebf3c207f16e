"""IDX files to the byte: what their header says, and each way in which it is not so."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.idx_file import TYPES, read_idx


def packed(array: np.ndarray, kind: int = 0x08) -> bytes:
    head = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(TYPES[kind]).tobytes()


def zipped(data: bytes) -> bytes:
    """Without the time, which would be another in each process that collects tests."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (0, 5)])
@pytest.mark.parametrize("pack", [bytes, zipped])
def test_numbers_come_back_with_their_shape(kind: int, shape: tuple[int, ...], pack: object, tmp_path: Path) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    (tmp_path / "a").write_bytes(pack(packed(array, kind)))  # type: ignore[operator]
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_the_bytes_of_a_file() -> None:
    assert packed(np.array([[1, 258]]), 0x0B).hex(" ") == "00 00 0b 02 00 00 00 01 00 00 00 02 00 01 01 02"


WHOLE = packed(np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "begins with nothing, which is not IDX's 00 00 TYPE AXES"),
        (b"\x89PNG\r\n", "begins with 89 50 4e 47, which is not IDX's"),
        (b"\0\0\x07\x01" + bytes(5), "begins with 00 00 07 01, which is not IDX's"),
        (b"\0\0\x08\0" + bytes(5), "begins with 00 00 08 00, which is not IDX's"),
        (WHOLE[:11], "ends inside its header, after 11 bytes"),
        (WHOLE[:-1], "has 17 bytes; its header, 2 x 3 uint8, makes 18"),
        (WHOLE + b"x", "has 19 bytes; its header, 2 x 3 uint8, makes 18"),
        (zipped(WHOLE[:-1]), "has 17 bytes unpacked; its header, 2 x 3 uint8, makes 18"),
        (zipped(WHOLE)[:-9], "cannot be read: EOFError"),
        (zipped(WHOLE)[:-4] + bytes(4), "cannot be read: BadGzipFile"),
        (zipped(WHOLE)[:12] + b"damaged" + bytes(20), "cannot be read: "),
    ],
)
def test_what_is_not_whole_is_named(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert refusal(lambda: read_idx(tmp_path / "a")).startswith(f"{tmp_path}/a: {words}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(lambda: read_idx(tmp_path / "a")).startswith(f"{tmp_path}/a: cannot be read: FileNotFoundError")
