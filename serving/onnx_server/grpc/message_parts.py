"""A message's bytes, looked through before they are parsed: an empty tensor has two, and in memory hundreds."""

from torchferry.serving.errors import TooLarge

MOST = 4096
"""Fields of a message, without those of the messages in it; of tensors, outputs and raw contents each is one."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types that have something behind their tag (https://protobuf.dev/programming-guides/encoding/)."""


def check_parts(message: bytes) -> None:
    """Raises TooLarge. What is no message is left to the parser."""
    if len(message) <= 2 * MOST:  # none has fewer bytes
        return
    place = parts = 0
    try:
        while place < len(message):
            parts += 1
            if parts > MOST:
                raise TooLarge(f"the message has more than {MOST:,} parts")
            tag, place = _varint(message, place)
            kind = tag & 7
            if kind == BYTES:
                length, place = _varint(message, place)
                place += length
            elif kind == VARINT:
                _, place = _varint(message, place)
            else:
                place += {FIXED64: 8, FIXED32: 4}.get(kind, 0)
    except IndexError:
        return


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The number there, and the place behind it. Raises IndexError."""
    number = shift = 0
    while shift < 64:
        byte = message[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
    raise IndexError
