"""Calls go out over gRPC without waiting for each other, and each ends once with what became of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from tests.benchmarks.load.given import target
from tests.serving.wire import SECONDS, in_loop
from torchferry.benchmarks.load.grpc_wire import MOST_CHANNELS, GrpcWire

Answer = Callable[[bytes, Any], Any]


class Wire:
    """One to a server in the same loop, whose only method is `answer`, and what it said of each request."""

    def __init__(self, wire: GrpcWire, ended: "asyncio.Queue[Any]") -> None:
        self.wire, self.ended = wire, ended

    async def outcomes(self, count: int) -> list[Any]:
        return sorted([await asyncio.wait_for(self.ended.get(), SECONDS) for _ in range(count)])


@asynccontextmanager
async def opened(answer: Answer, *, connections: int = 1, most: int = 4) -> AsyncIterator[Wire]:
    server = grpc.aio.server()
    handlers = {"m": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ended: asyncio.Queue[Any] = asyncio.Queue()
    wire = GrpcWire(
        target(f"127.0.0.1:{port}", method="/s/m", requests=[b"a", b"b"]),
        most,
        lambda *outcome: ended.put_nowait(outcome),
    )
    await wire.start(connections)
    try:
        yield Wire(wire, ended)
    finally:
        await wire.close()
        await server.stop(None)


@in_loop
async def test_messages_go_out_in_turn_and_the_servers_timing_comes_back() -> None:
    heard: list[bytes] = []

    async def answer(message: bytes, context: Any) -> bytes:
        heard.append(message)
        context.set_trailing_metadata((("server-timing", "queue;dur=1"),))
        return b""

    async with opened(answer) as made:
        for number in range(3):
            made.wire.send(number)
        assert await made.outcomes(3) == [(number, "ok", b"queue;dur=1") for number in range(3)]
    assert sorted(heard) == [b"a", b"a", b"b"]


@in_loop
async def test_an_error_is_an_outcome_by_its_name() -> None:
    async def answer(_: bytes, context: Any) -> None:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")

    async with opened(answer) as made:
        made.wire.send(5)
        assert await made.outcomes(1) == [(5, "RESOURCE_EXHAUSTED", None)]


@in_loop
async def test_one_channel_carries_many_calls_at_once() -> None:
    together = asyncio.Barrier(8)

    async def answer(_: bytes, __: Any) -> bytes:
        await together.wait()
        return b""

    async with opened(answer) as made:
        for number in range(8):
            made.wire.send(number)
        assert await made.outcomes(8) == [(number, "ok", None) for number in range(8)]
        assert made.wire.starved == 0


@in_loop
async def test_there_are_no_more_channels_than_are_allowed() -> None:
    async def answer(_: bytes, __: Any) -> bytes:
        return b""

    async with opened(answer, connections=3, most=2) as made:
        assert len(made.wire.channels) == 2
    async with opened(answer, connections=50, most=50) as made:
        assert len(made.wire.channels) == MOST_CHANNELS
