"""Requests go out over kept connections, and each ends once with what became of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.benchmarks.load.given import target
from tests.benchmarks.load.peers import listening, nobody
from tests.serving.wire import SECONDS, in_loop
from torchferry.benchmarks.load.http_wire import HttpWire

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """Notes what it is asked, and gives one of `answers` to each request; without one it leaves."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.connections = list(answers), 0
        self.heard: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.heard.append(head.split()[1] + b" " + await reader.readexactly(1))
            await self.may_answer.wait()
            if not self.answers:
                break
            writer.write(self.answers.pop(0))


class Wire:
    def __init__(self, wire: HttpWire, ended: "asyncio.Queue[Any]") -> None:
        self.wire, self.ended = wire, ended

    async def ask(self, number: int) -> Any:
        self.wire.send(number)
        return await self.outcome()

    async def outcome(self) -> Any:
        return await asyncio.wait_for(self.ended.get(), SECONDS)


@asynccontextmanager
async def opened(url: str, *, connections: int = 1, most: int = 1) -> AsyncIterator[Wire]:
    ended: asyncio.Queue[Any] = asyncio.Queue()
    wire = HttpWire(target(url), most, lambda *outcome: ended.put_nowait(outcome))
    await wire.start(connections)
    try:
        yield Wire(wire, ended)
    finally:
        await wire.close()


@in_loop
async def test_requests_go_out_in_turn_over_one_connection() -> None:
    peer = Peer(GOOD, GOOD, GOOD)
    async with listening(peer.talk) as url, opened(url) as wire:
        assert [await wire.ask(number) for number in range(3)] == [(number, "ok", None) for number in range(3)]
    assert peer.heard == [b"/a a", b"/b b", b"/a a"]
    assert peer.connections == 1


@pytest.mark.parametrize(
    ("answer", "outcome", "timing"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP 503", None),
        (b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n", "HTTP 201", None),
        (b"HTTP/1.1 200 OK\r\nserver-TIMING: a;dur=1\r\nContent-Length: 0\r\n\r\n", "ok", b"a;dur=1"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "ok", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, "ok", None),
        (b"220 mail.example.org ESMTP\r\n", "not HTTP/1.1", None),
    ],
)
def test_an_answer_is_an_outcome(answer: bytes, outcome: str, timing: bytes | None) -> None:
    @in_loop
    async def ask() -> None:
        peer = Peer(answer, GOOD)
        async with listening(peer.talk) as url, opened(url) as wire:
            assert await wire.ask(7) == (7, outcome, timing)
            assert await wire.ask(8) == (8, "ok", None)  # the next one owes nothing to it

    ask()


@in_loop
async def test_a_connection_that_is_lost_ends_its_request_and_is_replaced() -> None:
    peer = Peer()
    async with listening(peer.talk) as url, opened(url) as wire:
        assert await wire.ask(0) == (0, "connection lost", None)
        peer.answers.append(GOOD)
        assert await wire.ask(1) == (1, "ok", None)
    assert peer.connections == 2


@in_loop
async def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    peer = Peer(GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), GOOD)
    async with listening(peer.talk) as url, opened(url) as wire:
        assert await wire.ask(0) == (0, "ok", None)
        assert await wire.ask(1) == (1, "ok", None)
    assert peer.connections == 2


@in_loop
async def test_a_request_without_a_connection_waits_and_counts_as_starved() -> None:
    peer = Peer(GOOD, GOOD, GOOD)
    peer.may_answer.clear()
    async with listening(peer.talk) as url, opened(url, most=2) as wire:
        for number in range(3):
            wire.wire.send(number)
        assert (wire.wire.open, wire.wire.starved) == (2, 1)
        peer.may_answer.set()
        ended = sorted([await wire.outcome() for _ in range(3)])
        assert ended == [(number, "ok", None) for number in range(3)]
    assert peer.connections == 2


@in_loop
async def test_a_request_that_waits_goes_out_on_a_new_connection_when_the_old_one_is_lost() -> None:
    peer = Peer()
    peer.may_answer.clear()
    async with listening(peer.talk) as url, opened(url) as wire:
        wire.wire.send(0)
        wire.wire.send(1)
        peer.may_answer.set()
        assert [await wire.outcome() for _ in range(2)] == [(number, "connection lost", None) for number in range(2)]
    assert peer.heard == [b"/a a", b"/b b"]
    assert peer.connections == 2


@in_loop
async def test_a_server_that_takes_no_connection_is_an_outcome_too() -> None:
    async with opened(f"http://{nobody()}", connections=0) as wire:
        assert await wire.ask(3) == (3, "ConnectionRefusedError", None)
        assert wire.wire.open == 0
