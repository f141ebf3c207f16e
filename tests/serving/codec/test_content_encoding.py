"""Packed bodies are unpacked within a limit, whole or not at all."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from torchferry.serving.codec.content_encoding import MEMBERS, PART, unpacked
from torchferry.serving.errors import NotDecodable, RequestError, TooLarge, UnsupportedType

LIMIT = 100


def packed(count: int) -> bytes:
    return gzip.compress(b"a" * count, mtime=0)  # the same whenever it is made: a test is called after it


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_a_packed_body_is_unpacked(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    for count in (0, 1, LIMIT):
        assert unpacked(pack(b"a" * count), encoding, LIMIT) == b"a" * count


@pytest.mark.parametrize("sizes", [(1, 2), (0, 0, 3), (PART, 1, PART), (3 * PART, 5)])
def test_a_gzip_of_several_members_is_taken_whole(sizes: tuple[int, ...]) -> None:
    parts = [bytes([65 + place]) * size for place, size in enumerate(sizes)]
    for level in (0, 9):
        body = b"".join(gzip.compress(part, level) for part in parts)
        assert unpacked(body, "gzip", sum(sizes)) == b"".join(parts)
        with pytest.raises(TooLarge):
            unpacked(body, "gzip", sum(sizes) - 1)


@pytest.mark.parametrize(
    ("content", "encoding", "error", "words"),
    [
        (packed(10_000), "gzip", TooLarge, "the body has more than 100 bytes"),
        (packed(10_000)[:-8] + bytes(8), "gzip", TooLarge, "100 bytes"),  # its end is never looked at
        (packed(60) * 2, "gzip", TooLarge, "the body has more than 100 bytes"),
        (b"no gzip", "gzip", NotDecodable, "the body is not gzip: "),
        (packed(3)[:-3], "gzip", NotDecodable, "the body ends before its gzip does"),
        (packed(3) + packed(3)[:-3], "gzip", NotDecodable, "the body ends before its gzip does"),
        (b"", "deflate", NotDecodable, "the body ends before its deflate does"),
        (packed(3) + b"{}", "gzip", NotDecodable, "2 bytes follow the end of the body's gzip"),
        (packed(3) + b"\x1f", "gzip", NotDecodable, "1 bytes follow the end of the body's gzip"),
        (packed(3) + bytes(512), "gzip", NotDecodable, "512 bytes follow the end of the body's gzip"),
        (zlib.compress(b"a") * 2, "deflate", NotDecodable, "9 bytes follow the end of the body's deflate"),
        (packed(0) * (MEMBERS + 1), "gzip", NotDecodable, "more than 1,024 members of gzip"),
        (b"abc", "br", UnsupportedType, "Content-Encoding is br; gzip, deflate and identity are taken"),
        (packed(3), "gzip, gzip", UnsupportedType, "Content-Encoding is gzip, gzip; gzip, deflate"),
    ],
)
def test_a_body_that_does_not_do_is_refused(
    content: bytes, encoding: str, error: type[RequestError], words: str
) -> None:
    with pytest.raises(error) as caught:
        unpacked(content, encoding, LIMIT)
    assert words in str(caught.value)
