"""One client that asks for valid things as fast as it gets answers, over many connections."""

import asyncio
from collections import Counter

from torchferry.benchmarks.hostile.connection import Connection
from torchferry.benchmarks.hostile.where import Where

CONNECTIONS = 32
PATIENCE = 30.0
AGAIN = 0.05  # seconds until a connection that was closed is made again


async def attack(where: Where, counted: Counter[str]) -> None:
    await asyncio.gather(*(_ask(where, counted) for _ in range(CONNECTIONS)))


async def _ask(where: Where, counted: Counter[str]) -> None:
    whole = where.valid.predict.raw()
    while True:
        try:
            async with Connection.to(where) as connection:
                while connection.kept:
                    counted[await connection.exchange(whole, PATIENCE)] += 1
        except OSError as error:
            counted[type(error).__name__] += 1
        await asyncio.sleep(AGAIN)
