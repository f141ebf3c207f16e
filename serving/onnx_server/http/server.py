"""An ASGI application on a port, in the loop that runs already: uvicorn without its signals and its logging."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from torchferry.serving.net import listen_backlog
from torchferry.serving.net.tls import Certificate
from torchferry.serving.onnx_server.http.uvicorn_protocol import Protocol

# Its warnings are of wrong requests, one each: clients could fill the log.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
KEEP_ALIVE_SECONDS = 75
"""More than the 60 s of most load balancers: whoever keeps the connection longer must not be the one who closes it."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are for the whole process, which stops its ports in order."""
        yield


class HttpServer:
    def __init__(self, application: Any, listener: socket.socket, certificate: Certificate | None = None) -> None:
        self.listener = listener
        self.port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            application,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
        )
        self.server = _Server(config)

    async def start(self) -> None:
        self.running = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        # uvicorn has a flag for it and no event.
        while not self.server.started and not self.running.done():
            await asyncio.sleep(0.001)
        if self.running.done():
            self.running.result()

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def refuse_new(self, seconds: float) -> None:
        """Take no more connections but those that wait already, for so long at most; those that are open go on."""
        end = time.monotonic() + seconds
        listen_backlog.shut(self.listener)
        while listen_backlog.waiting(self.listener) and time.monotonic() < end:
            await asyncio.sleep(0.001)
        for server in self.server.servers:
            server.close()

    async def stop(self, seconds: float) -> None:
        """Close what is idle, let the requests in flight be answered, and drop what is left then."""
        self.server.config.timeout_graceful_shutdown = max(1, round(seconds))
        self.server.should_exit = True
        await self.running
