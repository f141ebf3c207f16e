"""The library that speaks gRPC: grpcio, or pygrpc-native, which takes the same services and half the processor time.

`auto` is grpcio, because pygrpc-native 0.5 looks at a message's size only once it has it whole and unpacked, and
reserves at once what the first five bytes of a message promise: any client can take all memory, or end the process.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import grpc

from torchferry.errors import UserError
from torchferry.serving.onnx_server.grpc.drain import Drain
from torchferry.serving.onnx_server.grpc.interfaces import Handler, Server

LAST_ANSWERS = 0.5
"""Seconds in which the last answers are on their way."""
LOOK = 0.05
"""Seconds between looks at whether anybody is still to be answered."""
OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # or a second server would share the port without a word
    # Bytes of a call's metadata. By default grpcio refuses some calls at random between half of this and this.
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    # Of a connection. Without a limit one client that begins calls and gives them up ends those of all others.
    ("grpc.max_concurrent_streams", 100),
    # Go's clients ping every 10 s, calls or not; by default grpcio ends a connection that pings within five minutes.
    ("grpc.http2.min_ping_interval_without_data_ms", 250),
    ("grpc.keepalive_permit_without_calls", 1),
)
OF_GRPCIO = (
    # Nobody has a share of connections: one that has had no call for so long makes room, and its client another.
    ("grpc.max_connection_idle_ms", 120_000),
)


class Engine(Protocol):
    said: str
    """What is said of it at the start."""
    server: Server

    async def stop(self, drain: Drain, busy: Callable[[], bool], seconds: float) -> None:
        """Within these seconds, but for the last answers; `busy`: whether a request is still to be answered."""


class Grpcio:
    said = "grpcio"

    def __init__(
        self, interceptors: Sequence[grpc.aio.ServerInterceptor], max_message: int, max_connections: int
    ) -> None:
        # It closes a connection that is one too many; it has no bound for each client's.
        options = [*_options(max_message), *OF_GRPCIO, ("grpc.max_allowed_incoming_connections", max_connections)]
        self.server: Server = grpc.aio.server(interceptors=interceptors, options=options)

    async def stop(self, drain: Drain, busy: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        await drain.hold()
        ending = asyncio.ensure_future(self.server.stop(seconds))
        await asyncio.sleep(LOOK)  # clients hear of it
        drain.release()
        await _while(busy, until)
        # grpc.aio lets a later, shorter grace win: an open Watch would else last the whole drain.
        await asyncio.gather(ending, self.server.stop(min(seconds, LAST_ANSWERS)))


class Native:
    said = "pygrpc-native, for trusted clients only: it holds a message whole, however large, before it is refused"

    def __init__(
        self, interceptors: Sequence[grpc.aio.ServerInterceptor], max_message: int, _max_connections: int
    ) -> None:
        """Raises UserError where it is not installed."""
        try:
            import pygrpc_native.aio  # `from pygrpc_native import aio` calls itself without end
        except ImportError as error:
            raise UserError(
                f"--grpc-engine: {error.name} is not installed; pip install 'torchferry[fast-grpc]', or give grpcio"
            ) from error
        options = _options(max_message)
        self.server: Server = _EachAddress(
            partial(pygrpc_native.aio.server, interceptors=interceptors, options=options)
        )

    async def stop(self, drain: Drain, busy: Callable[[], bool], seconds: float) -> None:
        drain.refuses = True
        await _while(busy, time.monotonic() + seconds)
        await asyncio.sleep(min(seconds, LOOK))  # it closes connections whatever is still to be written
        # The first grace counts, and an open Watch lasts as long as that.
        await self.server.stop(min(seconds, LAST_ANSWERS))


class _EachAddress:
    """As many servers as addresses: one of pygrpc-native's listens on one alone. There is no TLS."""

    def __init__(self, make: Callable[[], Server]) -> None:
        self.make = make
        self.servers: list[Server] = []
        self.handlers: list[Callable[[Server], None]] = []
        """What adds them to a server; all are there before the first port is."""

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler], /) -> None:
        self.handlers.append(lambda server: server.add_generic_rpc_handlers(handlers))

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler], /) -> None:
        self.handlers.append(lambda server: server.add_registered_method_handlers(service, handlers))

    def add_insecure_port(self, address: str, /) -> int:
        self.servers.append(server := self.make())
        for add_to in self.handlers:
            add_to(server)
        return server.add_insecure_port(address)

    def add_secure_port(self, address: str, credentials: grpc.ServerCredentials, /) -> int:
        raise NotImplementedError

    async def start(self) -> None:
        await asyncio.gather(*(server.start() for server in self.servers))

    async def stop(self, grace: float | None, /) -> None:
        await asyncio.gather(*(server.stop(grace) for server in self.servers))


ENGINES: dict[str, type[Grpcio | Native]] = {"auto": Grpcio, "grpcio": Grpcio, "native": Native}


def _options(max_message: int) -> list[tuple[str, int]]:
    return [*OPTIONS, ("grpc.max_receive_message_length", max_message)]


async def _while(busy: Callable[[], bool], until: float) -> None:
    while busy() and time.monotonic() < until:
        await asyncio.sleep(LOOK)
