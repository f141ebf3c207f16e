"""Files of pictures that are cut, altered or forged, and bodies that are packed otherwise than they say."""

import gzip
import struct
import zlib
from random import Random

SIDES = (0, 1, 2**16, 2**31 - 1, 2**32 - 1)
SIGNATURES: tuple[bytes, ...] = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"RIFF\x10\x00\x00\x00WEBP",
)
SIGNATURES += (
    b"\x00\x00\x01\x00",
    b"8BPS",
    b"%PDF-1.7",
    b"%!PS-Adobe",
    b"<svg>",
    b"\x00\x00\x00\x0cjP  ",
    b"PK\x03\x04",
)


def altered(random: Random, body: bytes) -> bytes:
    """`body` may be anything; what is a PNG is also forged as one."""
    kinds = (_cut, _flipped, _spliced, _other_signature)
    if body.startswith(SIGNATURES[0]) and random.random() < 0.4:
        kinds = (_sized, _sized, _with_text_bomb, _without_an_end)
    return random.choice(kinds)(random, body)


def packed(random: Random, body: bytes) -> bytes:
    """What comes with `Content-Encoding: gzip`."""
    whole = gzip.compress(body, mtime=0)
    match random.randrange(8):
        case 0:
            return body
        case 1:
            return whole[: random.randrange(len(whole))]
        case 2:
            return whole + random.randbytes(random.randrange(1, 9))
        case 3:
            return whole + gzip.compress(b"")[: random.randrange(20)]
        case 4:
            return zlib.compress(body)
        case 5:
            return whole[:-8] + random.randbytes(8)  # checksum and length
        case 6:
            return gzip.compress(bytes(random.choice((2**20, 2**24 + 1))), 1, mtime=0)
    return _flipped(random, whole)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _cut(random: Random, body: bytes) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _flipped(random: Random, body: bytes) -> bytes:
    made = bytearray(body)
    for _ in range(min(len(made), random.randint(1, 9))):
        made[random.randrange(len(made))] ^= 1 << random.randrange(8)
    return bytes(made)


def _spliced(random: Random, body: bytes) -> bytes:
    made = bytearray(body)
    for _ in range(random.randrange(1, 5)):
        start = random.randrange(len(made) + 1)
        end = min(len(made), start + random.randrange(20))
        made[start:end] = random.choice(
            (b"", random.randbytes(4), bytes(made[start:end]) * 2, b'"', b"[" * 50, b"\r\n")
        )
    return bytes(made)


def _other_signature(random: Random, body: bytes) -> bytes:
    return random.choice(SIGNATURES) + random.choice((body[8:], random.randbytes(random.randrange(300))))


def _sized(random: Random, body: bytes) -> bytes:
    """Another width and height, and bits that may not go together, with a checksum that is right."""
    width, height = random.choice(SIDES), random.choice(SIDES)
    bits, colour = random.choice((1, 8, 16, 3)), random.choice((0, 2, 3, 6, 9))
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, random.randrange(3)))
    return body[:8] + head + body[33:]


def _with_text_bomb(random: Random, body: bytes) -> bytes:
    content = zlib.compress(bytes(random.choice((1000, 2**21))), 9)
    bomb = random.choice((png_chunk(b"zTXt", b"a\0\0" + content), png_chunk(b"iCCP", b"a\0\0" + content)))
    return body[:33] + bomb + body[33:]


def _without_an_end(random: Random, body: bytes) -> bytes:
    return body[:33] + struct.pack(">I", random.choice(SIDES)) + b"IDAT" + body[41:-12]
