"""A port that answers over HTTP, in the loop that runs already: listen, take no more, end."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from torchferry.serving.net import listen_backlog
from torchferry.serving.net.clients import Clients
from torchferry.serving.net.tls import Certificate
from torchferry.serving.onnx_server.http.acceptor import Acceptor
from torchferry.serving.onnx_server.http.connection import Application, Port
from torchferry.serving.onnx_server.http.request import Header
from torchferry.serving.onnx_server.intake import Intake
from torchferry.serving.onnx_server.shares import Shares

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
        refused: Callable[[], None] = lambda: None,
        intake: Intake | None = None,
        clients: Clients | None = None,
        room: Shares | None = None,
    ) -> None:
        """The first of the `listeners` is of TCP; there is no TLS on a unix socket, whose file has permissions.
        `headers` are every answer's; while it `drains` each connection ends with its next answer.
        `intake` bounds the bodies that are on their way, `room` the connections; each of which that is one too many is
        told to `refused`."""
        self.listeners, self.certificate = listeners, certificate
        self.port = int(listeners[0].getsockname()[1])
        self.ending = False
        self.shared = Port(application, headers, lambda: self.ending or drains(), refused=refused)
        self.shared.intake = intake or self.shared.intake
        self.shared.clients = clients or self.shared.clients
        self.shared.room = room or self.shared.room

    async def start(self) -> None:
        self.acceptors = [Acceptor(each, self.shared, self._certificate_of(each)) for each in self.listeners]
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
        for acceptor in self.acceptors:
            acceptor.close()

    async def stop(self, seconds: float) -> None:
        """Close what is idle, let the requests in flight be answered, and drop what is left then."""
        for acceptor in self.acceptors:
            acceptor.close()
        self.ending, end = True, time.monotonic() + seconds
        await asyncio.sleep(0.005)  # in which what was accepted last becomes a connection
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

    def _certificate_of(self, listener: socket.socket) -> Certificate | None:
        return None if listener.family == socket.AF_UNIX else self.certificate

    async def _look_at_clock(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = asyncio.get_running_loop().time()
            for connection in list(self.shared.connections):
                connection.look_at_clock(now)
