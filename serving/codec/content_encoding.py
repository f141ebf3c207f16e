"""Bodies that came packed (Content-Encoding): taken whole or refused, and never unpacked beyond a limit."""

import zlib
from collections.abc import Iterator

from torchferry.serving.errors import NotDecodable, TooLarge, UnsupportedType

WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""31 is gzip's header, 15 zlib's, which is what HTTP calls deflate; x-gzip is gzip (RFC 9110, 8.4.1.3)."""
MAGIC = b"\x1f\x8b"
"""What a member of gzip begins with."""
MEMBERS = 1024
"""Of one gzip body. Files packed in blocks have many; of empty ones a body could have hundreds of thousands."""
PART = 64 * 1024
"""Bytes that are unpacked at once: what is left behind a member is copied, so that it must not be long."""


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """At most `limit` bytes are unpacked, whatever the body says. Raises NotDecodable, TooLarge, UnsupportedType."""
    if (encoding := encoding.strip().lower()) in ("", "identity"):
        return body
    if encoding not in WINDOW_BITS:
        raise UnsupportedType(f"Content-Encoding is {encoding[:100]}; gzip, deflate and identity are taken")
    parts: list[bytes] = []
    left = limit
    try:
        for part in _parts(body, encoding, limit):
            parts.append(part)
            if (left := left - len(part)) < 0:
                raise TooLarge(f"the body has more than {limit:,} bytes")
    except zlib.error as error:
        raise NotDecodable(f"the body is not {encoding}: {error}") from error
    return b"".join(parts)


def _parts(body: bytes, encoding: str, limit: int) -> Iterator[bytes]:
    """Of all members, which gzip may have several of (RFC 1952, 2.2). None is longer than `limit` and one byte more."""
    view, begins, members = memoryview(body), 0, 0
    while begins < len(view) or not members:
        if members and not (encoding != "deflate" and view[begins : begins + 2] == MAGIC):
            raise NotDecodable(f"{len(view) - begins:,} bytes follow the end of the body's {encoding}")
        if members == MEMBERS:
            raise NotDecodable(f"the body has more than {MEMBERS:,} members of {encoding}")
        unpacker, members = zlib.decompressobj(WINDOW_BITS[encoding]), members + 1
        while not unpacker.eof:
            if begins == len(view):
                raise NotDecodable(f"the body ends before its {encoding} does")
            part = view[begins : begins + PART]
            yield unpacker.decompress(part, limit + 1)
            begins += len(part) - len(unpacker.unused_data)
