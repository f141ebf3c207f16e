"""The Date of answers, made anew once a second."""

import time
from email.utils import formatdate

_made: tuple[int, bytes] = (0, b"")


def date() -> bytes:
    """As a header's line."""
    global _made
    if (now := int(time.time())) != _made[0]:
        _made = (now, f"date: {formatdate(now, usegmt=True)}\r\n".encode())
    return _made[1]
