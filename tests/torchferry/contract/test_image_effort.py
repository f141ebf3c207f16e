"""Files of few bytes whose pictures would take minutes or gigabytes; and what encoders make, which does not."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from torchferry.contract.image import NotAnImage, count_pixels
from torchferry.contract.image_effort import MAX_COMMENTS, MAX_LAYERS, MAX_SCANS, too_laborious

PIXELS = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)


def saved(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("PPM", {}),
        ("JPEG2000", {}),
        ("JPEG2000", {"tile_size": (64, 64)}),
        ("JPEG2000", {"quality_layers": [80, 40, 20], "no_jp2": True}),
        ("JPEG2000", {"precinct_size": (64, 64), "codeblock_size": (32, 32)}),
        ("JPEG2000", {"precinct_size": (16, 16), "codeblock_size": (8, 8)}),
    ],
)
def test_what_encoders_make_is_decoded(kind: str, options: dict[str, Any]) -> None:
    assert count_pixels(saved(kind, **options)) == PIXELS[..., 0].size


def scans() -> bytes:
    whole = saved("JPEG")
    return whole[:-2] + MAX_SCANS * b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + whole[-2:]


def comments() -> bytes:
    return b"P3\n" + (MAX_COMMENTS + 1) * b"#\n" + b"1 1 255 1 2 3"


def coded(width: int, height: int, tile: int, style: bytes, place: str = "file") -> bytes:
    """The headers of a JPEG 2000, with a style in that of the file or of its first tile."""
    size = struct.pack(">HHH8IH", 0xFF51, 41, 0, width, height, 0, 0, tile, tile, 0, 0, 1) + b"\x07\x01\x01"
    style = struct.pack(">HH", 0xFF52, 2 + len(style)) + style
    plain = struct.pack(">HHBBHB", 0xFF52, 12, 0, 0, 1, 0) + b"\x00\x04\x04\x00\x01"
    quantization = b"\xff\x5c\x00\x04\x40\x40"
    part = struct.pack(">HHHIBB", 0xFF90, 10, 0, 0, 0, 1)
    if place == "file":
        return b"\xff\x4f" + size + style + quantization + part + b"\xff\x93"
    return b"\xff\x4f" + size + plain + quantization + part + style + b"\xff\x93"


def layers(place: str = "file") -> bytes:
    return coded(8, 8, 8, struct.pack(">BBHB", 0, 0, MAX_LAYERS + 1, 0) + b"\x00\x04\x04\x00\x01", place)


def precincts(place: str = "file") -> bytes:
    return coded(2500, 2500, 2500, struct.pack(">BBHB", 1, 0, 1, 0) + b"\x00\x04\x04\x00\x01\x00", place)


def tiles() -> bytes:
    return coded(1000, 1000, 10, struct.pack(">BBHB", 0, 0, 1, 0) + b"\x00\x04\x04\x00\x01")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (scans(), "more than 100 scans"),
        (comments(), "more than 1,000 comments"),
        (layers(), "more than 100 layers"),
        (layers("tile"), "more than 100 layers"),
        (precincts(), "6,250,000 precincts"),
        (precincts("tile"), "6,250,000 precincts"),
        (tiles(), "more than 4,096 tiles"),
        (b"\xff\x4f\xff\x51\0\x29\0\0", "cut short"),
    ],
    ids=["scans", "comments", "layers", "layers of a tile", "precincts", "precincts of a tile", "tiles", "cut"],
)
def test_what_would_take_minutes_is_told_before_it_is_decoded(data: bytes, why: str) -> None:
    kind = "JPEG" if data[:2] == b"\xff\xd8" else "PPM" if data[:1] == b"P" else "JPEG2000"
    assert why in too_laborious(data, kind)
    with pytest.raises(NotAnImage):
        count_pixels(data)


def test_parts_of_a_tile_are_hopped_over_by_their_size() -> None:
    whole = saved("JPEG2000", no_jp2=True, tile_size=(128, 128))
    assert whole.count(b"\xff\x90") >= 12
    assert too_laborious(whole, "JPEG2000") == ""
