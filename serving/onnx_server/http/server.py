"""A port that answers over HTTP, in the loop that runs already: listen, take no more, end."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from torchferry.serving.net import listen_backlog
from torchferry.serving.net.addresses import BACKLOG
from torchferry.serving.net.tls import Certificate
from torchferry.serving.onnx_server.http.connection import Application, Connection, Port
from torchferry.serving.onnx_server.http.intake import Intake
from torchferry.serving.onnx_server.http.request import Header

HANDSHAKE_SECONDS = 0.1
"""From a connection's first packet to its last."""


class HttpServer:
    def __init__(
        self,
        application: Application,
        listeners: Sequence[socket.socket],
        certificate: Certificate | None = None,
        *,
        headers: tuple[Header, ...] = (),
        drains: Callable[[], bool] = lambda: False,
        intake: Intake | None = None,
    ) -> None:
        """The first of the `listeners` is of TCP; there is no TLS on a unix socket, whose file has permissions.
        `headers` are every answer's; while it `drains` each connection ends with its next answer.
        `intake` bounds the bodies that are on their way."""
        self.listeners, self.certificate = listeners, certificate
        self.port = int(listeners[0].getsockname()[1])
        self.ending = False
        self.shared = Port(application, headers, lambda: self.ending or drains(), intake or Intake())

    async def start(self) -> None:
        self.servers = [await self._serve(listener) for listener in self.listeners]
        self.clock = asyncio.create_task(self._look_at_clock())

    @property
    def connections(self) -> int:
        return len(self.shared.connections)

    async def refuse_new(self, seconds: float) -> None:
        """Take no more connections but those that wait already, for so long at most; those that are open go on."""
        begun = time.monotonic()
        for listener in self.listeners:
            if listener.family == socket.AF_UNIX:
                Path(listener.getsockname()).unlink(missing_ok=True)  # nobody finds it any more
            else:
                listen_backlog.shut(listener)
        # Some are half made: the client takes them for open, and its last word has yet to arrive.
        await asyncio.sleep(HANDSHAKE_SECONDS)
        while any(map(listen_backlog.waiting, self.listeners)) and time.monotonic() < begun + seconds:
            await asyncio.sleep(0.001)
        for server in self.servers:
            server.close()

    async def stop(self, seconds: float) -> None:
        """Close what is idle, let the requests in flight be answered, and drop what is left then."""
        for server in self.servers:
            server.close()
        self.ending, end = True, time.monotonic() + seconds
        while self.shared.connections and time.monotonic() < end:
            for connection in list(self.shared.connections):
                connection.end_when_idle()
            await asyncio.sleep(0.005)
        for task in self.shared.tasks:
            task.cancel()
        await asyncio.sleep(0)  # so that they say so to their clients, while there is a connection
        for connection in list(self.shared.connections):
            connection.end(asyncio.CancelledError())
        self.clock.cancel()
        await asyncio.sleep(0)  # so that what was written on the way goes out

    async def _serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        loop = asyncio.get_running_loop()

        def connected() -> Connection:
            return Connection(self.shared)

        if listener.family == socket.AF_UNIX:
            return await loop.create_unix_server(connected, sock=listener, backlog=BACKLOG)
        context = self.certificate.context if self.certificate else None
        return await loop.create_server(connected, sock=listener, ssl=context, backlog=BACKLOG)

    async def _look_at_clock(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = asyncio.get_running_loop().time()
            for connection in list(self.shared.connections):
                connection.look_at_clock(now)
