"""Forged pictures and packed bodies."""

import gzip
import io
import zlib
from random import Random

import pytest
from PIL import Image

from torchferry.benchmarks.hostile.malformed.files import altered, packed, png_chunk
from torchferry.benchmarks.hostile.valid import Valid


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # Pillow's own, of what it tries
def test_a_forged_picture_has_a_size_that_is_read(valid: Valid) -> None:
    """Its checksum is right, or a reader would not come so far."""
    random = Random(0)
    sizes: set[object] = set()
    for _ in range(500):
        try:
            with Image.open(io.BytesIO(altered(random, valid.predict.body))) as image:
                sizes.add(image.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            sizes.add(type(error).__name__)
    assert {"UnidentifiedImageError", "DecompressionBombError"} <= sizes
    assert len(sizes) > 4


def test_any_bytes_are_altered() -> None:
    random = Random(0)
    for body in (b"", b"x", b"abc" * 99):
        assert len({altered(random, body) for _ in range(50)}) > 1


def test_packed_bodies_lie_and_some_do_not() -> None:
    random, body = Random(0), b"abc" * 99
    opened: set[object] = set()
    for _ in range(200):
        try:
            opened.add(len(gzip.decompress(packed(random, body))))
        except (OSError, EOFError, zlib.error) as error:
            opened.add(type(error).__name__)
    assert {"BadGzipFile", "EOFError", 2**24 + 1} <= opened


def test_a_chunk_is_as_png_has_it() -> None:
    assert png_chunk(b"IEND", b"") == b"\x00\x00\x00\x00IEND\xaeB`\x82"
