"""Sends malformed requests of each kind and counts the answers."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

import grpc

from torchferry.benchmarks.hostile.connection import Connection
from torchferry.benchmarks.hostile.malformed.malformed import Malformed
from torchferry.benchmarks.hostile.where import Where

PATIENCE = 60.0  # seconds for the answer to a request that is whole
POURING = 0.05  # seconds for what need not be answered
PAUSE = 0.02  # seconds between two of a kind, in an attack without end
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1))


async def attack(where: Where, counted: Counter[str]) -> None:
    """All kinds at a steady rate, until it is cancelled."""
    made = [Malformed(where.valid, where.seed + kind) for kind in range(3)]
    await asyncio.gather(
        requests(where, made[0], _paced(), counted),
        streams(where, made[1], _paced(), counted),
        messages(where, made[2], _paced(), counted),
    )


async def requests(where: Where, malformed: Malformed, turns: Iterable[float], counted: Counter[str]) -> None:
    """Requests that are answered, one by one on a connection that is kept. A turn is a pause in seconds."""
    left = iter(turns)
    pause = next(left, None)
    while pause is not None:
        try:
            async with Connection.to(where) as connection:
                while pause is not None and connection.kept:
                    sent = malformed.request()
                    status = await connection.exchange(sent, PATIENCE)
                    counted[status if connection.body.startswith((b"{", b"[")) else f"{status} without JSON"] += 1
                    await asyncio.sleep(pause)
                    pause = next(left, None)
        except OSError as error:
            counted[type(error).__name__] += 1
            pause = next(left, None)


async def streams(where: Where, malformed: Malformed, turns: Iterable[float], counted: Counter[str]) -> None:
    """Connections with whatever bytes. Each is dropped soon: some before the answer, some after a part of it."""
    for pause in turns:
        try:
            async with Connection.to(where) as connection:
                counted.update(await connection.poured(malformed.stream(), POURING) or ["no answer"])
        except OSError as error:
            counted[type(error).__name__] += 1
        await asyncio.sleep(pause)


async def messages(where: Where, malformed: Malformed, turns: Iterable[float], counted: Counter[str]) -> None:
    """Calls of gRPC."""
    async with grpc.aio.insecure_channel(f"{where.host}:{where.grpc_port}", OPTIONS) as channel:
        for pause in turns:
            counted[await _called(channel, *malformed.message())] += 1
            await asyncio.sleep(pause)


async def _called(channel: grpc.aio.Channel, method: str, message: bytes) -> str:
    """The code of its end."""
    try:
        if "Stream" in method or "Reflection" in method:
            # On the wire a stream of one message; asked as such, grpc.aio says INTERNAL where it is refused early.
            async for _ in channel.unary_stream(method, _same, _same)(message, timeout=PATIENCE):
                pass
        else:
            await channel.unary_unary(method, _same, _same)(message, timeout=PATIENCE)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"


def _same(message: bytes) -> bytes:
    return message


def _paced() -> Iterator[float]:
    return (PAUSE for _ in count())
