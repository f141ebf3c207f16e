"""JSON that is written in pieces, none of which takes long."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

MARK = b"\0"
"""Stands in a text where pieces go (`orjson.Fragment(MARK)`); in JSON no other zero byte can be."""


def object_of(parts: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One object with all that the parts have, a piece each. No key may be in two of them."""
    begin = b"{"
    for part in parts:
        if part:
            yield begin + orjson.dumps(part)[1:-1]
            begin = b","
    yield b"{}" if begin == b"{" else b"}"


def list_of(items: Iterable[Any]) -> Iterator[bytes]:
    begin = b"["
    for item in items:
        yield begin + orjson.dumps(item)
        begin = b","
    yield b"[]" if begin == b"[" else b"]"
