"""HTTP/1.1 by httptools over as many kept connections as it takes."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from torchferry.benchmarks.load.target import Target

OK = "ok"
Done = Callable[[int, str, bytes | None], None]
"""Told of each request: its number, its outcome, and the server's Server-Timing header if there was one."""


class HttpWire:
    def __init__(self, target: Target, most: int, done: Done) -> None:
        """`most` connections are open at once; further requests wait for one and count as `starved`."""
        self.target, self.most, self.done = target, most, done
        self.requests = target.requests
        self.open, self.starved = 0, 0
        self.idle: list[_Connection] = []
        self.waiting: deque[int] = deque()
        self.connecting: set[asyncio.Task[None]] = set()

    async def start(self, connections: int) -> None:
        """Have some connections ready."""
        self.loop = asyncio.get_running_loop()
        endpoint = self.target.endpoint
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0]
        self.family, self.host, self.port = found[0], str(found[4][0]), int(found[4][1])
        self.tls = ssl.create_default_context(cafile=endpoint.ca) if endpoint.tls else None
        for _ in range(min(connections, self.most)):
            self.open += 1
            self.idle.append(await self._connect())

    def send(self, number: int) -> None:
        if self.idle:
            self.idle.pop().start(number)
        elif self.open < self.most:
            self.open += 1
            task = self.loop.create_task(self._send_on_a_new_one(number))
            self.connecting.add(task)
            task.add_done_callback(self.connecting.discard)
        else:
            self.starved += 1
            self.waiting.append(number)

    async def close(self) -> None:
        for task in self.connecting:
            task.cancel()
        for connection in self.idle:
            connection.transport.abort()

    async def _send_on_a_new_one(self, number: int) -> None:
        try:
            connection = await self._connect()
        except OSError as error:
            self.open -= 1
            self.done(number, type(error).__name__, None)
            return
        connection.start(number)

    async def _connect(self) -> "_Connection":
        name = self.target.endpoint.host if self.tls else None
        made = self.loop.create_connection(
            lambda: _Connection(self), self.host, self.port, family=self.family, ssl=self.tls, server_hostname=name
        )
        _, connection = await made
        return connection

    def freed(self, connection: "_Connection") -> None:
        if self.waiting:
            connection.start(self.waiting.popleft())
        else:
            self.idle.append(connection)

    def lost(self, connection: "_Connection") -> None:
        self.open -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        if self.waiting:  # another takes its place
            self.send(self.waiting.popleft())


class _Connection(asyncio.Protocol):
    """One request at a time."""

    transport: asyncio.Transport

    def __init__(self, wire: HttpWire) -> None:
        self.wire, self.number = wire, -1
        self.timing: bytes | None = None
        self.parser = httptools.HttpResponseParser(self)

    def start(self, number: int) -> None:
        self.number, self.timing = number, None
        self.transport.write(self.wire.requests[number % len(self.wire.requests)])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._end("not HTTP/1.1")
            self.transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._end("connection lost")
        self.wire.lost(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"server-timing":
            self.timing = value

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < 200:  # the answer is still to come
            return
        self._end(OK if status == 200 else f"HTTP {status}")
        if not self.parser.should_keep_alive():
            self.transport.close()
        elif not self.transport.is_closing():
            self.wire.freed(self)

    def _end(self, outcome: str) -> None:
        if self.number >= 0:
            number, self.number = self.number, -1
            self.wire.done(number, outcome, self.timing)
