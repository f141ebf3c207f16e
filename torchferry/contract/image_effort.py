"""Picture files of few bytes that take minutes or gigabytes to decode: told by their structure, before they are.

What is bounded is what encoders hardly use: scans of a JPEG, comments of a PPM in text, and the layers, tiles and
precincts of JPEG 2000 (ISO/IEC 15444-1, annex A). It travels into archives.
"""

import struct
from collections.abc import Iterator

MAX_SCANS = 100
"""Of a JPEG, each of which goes over all of it; a progressive one has about ten."""
MAX_COMMENTS = 1000
MAX_LAYERS, MAX_TILES = 100, 4096
MAX_PRECINCTS, MAX_PACKETS = 2**18, 2**20
"""A precinct takes some 500 bytes; a packet is one layer of it."""
_START, _SIZE, _TILE_PART, _DATA = b"\xff\x4f\xff\x51", 0xFF51, 0xFF90, 0xFF93
_STYLE, _STYLE_OF_COMPONENT = 0xFF52, 0xFF53


def too_laborious(data: bytes, kind: str) -> str:
    """Why the file is not decoded, or nothing. `kind`: its format, as Pillow names it."""
    if kind in ("JPEG", "MPO") and data.count(b"\xff\xda") > MAX_SCANS:
        return f"it has more than {MAX_SCANS} scans"
    if kind == "PPM" and data[:2] in (b"P1", b"P2", b"P3") and data.count(b"#") > MAX_COMMENTS:
        return f"it has more than {MAX_COMMENTS:,} comments"
    if kind == "JPEG2000":
        try:
            return _of_jpeg_2000(data[data.index(_START) :])
        except (ValueError, struct.error, IndexError, ZeroDivisionError):
            return "its header is cut short"
    return ""


def _of_jpeg_2000(stream: bytes) -> str:
    width = height = components = layers = 0
    for marker, content in _segments(stream):
        if marker == _SIZE:
            width, height, _, _, across, down, left, top, components = struct.unpack(">2x8IH", content[:36])
            if -(-(width - left) // across) * -(-(height - top) // down) > MAX_TILES:
                return f"it has more than {MAX_TILES:,} tiles"
            continue
        if marker == _STYLE:
            (layers,) = struct.unpack(">H", content[2:4])
            if layers > MAX_LAYERS:
                return f"it has more than {MAX_LAYERS} layers"
            style, sizes = content[0], content[10:]
        elif marker == _STYLE_OF_COMPONENT:
            place = 1 if components < 257 else 2
            style, sizes = content[place], content[place + 6 :]
        else:
            continue
        if style & 1 and (count := _precincts(width, height, sizes)) > min(MAX_PRECINCTS, MAX_PACKETS // (layers or 1)):
            return f"it has {count:,} precincts"
    return ""


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of all headers: of the file, and of each part of a tile."""
    place, part, part_size = 2, 0, 0
    while place + 4 <= len(stream):
        marker, size = struct.unpack(">HH", stream[place : place + 4])
        if marker == _DATA:
            if not part_size:  # up to the end of the file
                return
            place = part + part_size
            continue
        if marker < 0xFF00 or size < 2:  # its end, or nothing that a decoder would read on
            return
        content = stream[place + 4 : place + 2 + size]
        if marker == _TILE_PART:
            part, part_size = place, struct.unpack(">I", content[2:6])[0]
            if part_size and part_size < 14:
                return
        yield marker, content
        place += 2 + size


def _precincts(width: int, height: int, sizes: bytes) -> int:
    """Of one component. `sizes`: a byte for each resolution, the lowest first, with both sides as powers of two."""
    count = 0
    for halved, size in enumerate(reversed(sizes)):
        across, down = (-(-side // 2**halved) for side in (width, height))
        count += -(-across // 2 ** (size & 15)) * -(-down // 2 ** (size >> 4))
    return count
