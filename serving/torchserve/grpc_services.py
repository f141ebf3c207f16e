"""Serves over gRPC what TorchServe lacks, health and reflection, on a port of loopback to which the gateway leads."""

import asyncio
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from torchferry.serving.codec import predictions_grpc
from torchferry.serving.net.addresses import authority
from torchferry.serving.net.reflection import add_reflection
from torchferry.serving.torchserve.settings import LOOPBACK

WATCH_SECONDS = 1.0
END_SECONDS = 5.0
OPTIONS = [
    ("grpc.max_receive_message_length", 64 * 1024),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.so_reuseport", 0),
]
STATUS = health_pb2.HealthCheckResponse


class GrpcServices:
    def __init__(self, why_not_ready: Callable[[], str]) -> None:
        """`why_not_ready()` may take seconds; nothing means ready."""
        self.why_not_ready = why_not_ready
        self.port = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs, it answers on `port`."""
        began: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        # asyncio.run ends the calls too that are left: a Watch lasts for as long as its client likes.
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(began)), name="grpc-services", daemon=True)
        thread.start()
        loop, ended = began.result()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join(END_SECONDS)  # it may be asking a server that does not answer any more

    async def _serve(self, began: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
        ended = asyncio.Event()
        try:
            server, self.port = await self._started()
        except Exception as error:
            began.set_exception(error)
            return
        began.set_result((asyncio.get_running_loop(), ended))
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), WATCH_SECONDS)
            if self.health.watched and not ended.is_set():
                await self.health.refresh()
        await server.stop(0)

    async def _started(self) -> tuple[grpc.aio.Server, int]:
        """The server, and its port."""
        server = grpc.aio.server(options=OPTIONS)
        self.health = _Health(self.why_not_ready)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        add_reflection((predictions_grpc.SERVICE, health.SERVICE_NAME), server, predictions_grpc.POOL)
        port = server.add_insecure_port(authority(LOOPBACK, 0))
        await server.start()
        return server, port


class _Health(health.aio.HealthServicer):  # type: ignore[misc]
    """Ready is asked for only when somebody wants to know: it costs a prediction of each model."""

    def __init__(self, why_not_ready: Callable[[], str]) -> None:
        super().__init__()
        self.why_not_ready, self.watched = why_not_ready, 0
        self.refreshing: asyncio.Task[None] | None = None

    async def Check(self, request: Any, context: Any) -> Any:
        await self.refresh()
        return await super().Check(request, context)

    async def Watch(self, request: Any, context: Any) -> None:
        self.watched += 1
        try:
            await self.refresh()
            await super().Watch(request, context)
        finally:
            self.watched -= 1

    async def refresh(self) -> None:
        """Once for all who wait for it."""
        if self.refreshing is None or self.refreshing.done():
            self.refreshing = asyncio.ensure_future(self._refresh())
        await asyncio.shield(self.refreshing)

    async def _refresh(self) -> None:
        try:
            status = STATUS.NOT_SERVING if await asyncio.to_thread(self.why_not_ready) else STATUS.SERVING
        except Exception:  # a bug of ours, which must not end the answers of this port
            traceback.print_exc()
            status = STATUS.NOT_SERVING
        for service in ("", predictions_grpc.SERVICE):
            if self._server_status.get(service) != status:
                await self.set(service, status)
