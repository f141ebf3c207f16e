"""Peers that do not finish what they begin: heads and bodies that drip or stop, and answers that nobody reads."""

import asyncio
from collections import Counter
from contextlib import suppress

from torchferry.benchmarks.hostile.connection import Connection
from torchferry.benchmarks.hostile.where import Where

HEADS, BODIES, UNFINISHED, DEAF = 64, 64, 64, 16
"""Connections of each kind."""
DEAF_SECONDS = 20.0  # that one of them asks
DRIP = 0.5  # seconds between two bytes
AGAIN = 1.0  # seconds until a connection that was closed is made again


async def attack(where: Where, counted: Counter[str]) -> None:
    """`closed` counts how often the server has ended one."""
    request = where.valid.predict
    whole = request.raw()
    head = whole[: len(whole) - len(request.body)]
    kinds = [(b"", head)] * HEADS  # a byte of the head, and another ...
    kinds += [(head, request.body)] * BODIES
    kinds += [(head + request.body[:1], b"")] * UNFINISHED  # a head and the first byte, and no more
    await asyncio.gather(
        *(_again_and_again(where, at_once, dripped, counted) for at_once, dripped in kinds),
        *(_deaf(where, whole, counted) for _ in range(DEAF)),
    )


async def _again_and_again(where: Where, at_once: bytes, dripped: bytes, counted: Counter[str]) -> None:
    while True:
        with suppress(OSError):
            async with Connection.to(where) as connection:
                counted["opened"] += 1
                await _hold(connection, at_once, dripped)
                counted["closed"] += 1
        await asyncio.sleep(AGAIN)


async def _hold(connection: Connection, at_once: bytes, dripped: bytes) -> None:
    """Until the server has closed it."""
    connection.writer.write(at_once)
    ended = asyncio.ensure_future(connection.reader.read())
    try:
        for byte in dripped[:-1]:
            connection.writer.write(bytes([byte]))
            await asyncio.wait([ended], timeout=DRIP)
            if ended.done():
                break
        await ended
    finally:
        ended.cancel()


async def _deaf(where: Where, whole: bytes, counted: Counter[str]) -> None:
    """Asks in a row, and reads no answer."""
    while True:
        with suppress(OSError):
            async with Connection.to(where) as connection, asyncio.timeout(DEAF_SECONDS):
                counted["opened"] += 1
                connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
                while True:
                    connection.writer.write(whole)
                    await connection.writer.drain()
                    await asyncio.sleep(0.01)
        await asyncio.sleep(AGAIN)
