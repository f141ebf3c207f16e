"""A port that answers over HTTP, in the loop that runs already: listen, take no more, end."""

import asyncio
import socket
import time
from collections.abc import Callable

from torchferry.serving.net import listen_backlog
from torchferry.serving.net.tls import Certificate
from torchferry.serving.onnx_server.http.connection import Application, Connection, Port
from torchferry.serving.onnx_server.http.request import Header

BACKLOG = 2048
"""Connections that the kernel keeps until they are taken."""


class HttpServer:
    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        certificate: Certificate | None = None,
        *,
        headers: tuple[Header, ...] = (),
        drains: Callable[[], bool] = lambda: False,
    ) -> None:
        """`headers` are every answer's; while it `drains` each connection ends with its next answer."""
        self.listener, self.certificate = listener, certificate
        self.port = int(listener.getsockname()[1])
        self.ending = False
        self.shared = Port(application, headers, lambda: self.ending or drains())

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: Connection(self.shared),
            sock=self.listener,
            ssl=self.certificate.context if self.certificate else None,
            backlog=BACKLOG,
        )
        self.clock = asyncio.create_task(self._look_at_clock())

    @property
    def connections(self) -> int:
        return len(self.shared.connections)

    async def refuse_new(self, seconds: float) -> None:
        """Take no more connections but those that wait already, for so long at most; those that are open go on."""
        end = time.monotonic() + seconds
        listen_backlog.shut(self.listener)
        while listen_backlog.waiting(self.listener) and time.monotonic() < end:
            await asyncio.sleep(0.001)
        self.server.close()

    async def stop(self, seconds: float) -> None:
        """Close what is idle, let the requests in flight be answered, and drop what is left then."""
        self.server.close()
        self.ending, end = True, time.monotonic() + seconds
        while self.shared.connections and time.monotonic() < end:
            for connection in list(self.shared.connections):
                connection.end_when_idle()
            await asyncio.sleep(0.005)
        for connection in list(self.shared.connections):
            connection.end(asyncio.CancelledError())
        for task in self.shared.tasks:
            task.cancel()
        self.clock.cancel()
        await asyncio.sleep(0)  # so that what was written on the way goes out

    async def _look_at_clock(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = asyncio.get_running_loop().time()
            for connection in list(self.shared.connections):
                connection.look_at_clock(now)
