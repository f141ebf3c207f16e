"""A few calls over gRPC before a run, and what a channel needs to know."""

import contextlib
from collections.abc import Iterator
from typing import Any

import grpc

from torchferry.benchmarks.load.endpoint import Endpoint
from torchferry.errors import ServerFault, UserError

# Not through the proxy that http_proxy may name; and each channel a connection of its own.
OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
]
OPTIONS += [("grpc.max_send_message_length", -1)]
CLIENTS_FAULT = ("INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED")


def credentials(endpoint: Endpoint) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(endpoint.ca.read_bytes() if endpoint.ca else None)


def metadata(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in endpoint.headers)


@contextlib.contextmanager
def open_channel(endpoint: Endpoint) -> Iterator[grpc.Channel]:
    if endpoint.tls:
        channel = grpc.secure_channel(endpoint.authority, credentials(endpoint), OPTIONS)
    else:
        channel = grpc.insecure_channel(endpoint.authority, OPTIONS)
    with channel:
        yield channel


def fault(endpoint: Endpoint, error: grpc.RpcError) -> ServerFault:
    """In one line, what `call` leaves to its caller."""
    words = " ".join((error.details() or "").split())[:300]
    return ServerFault(f"{endpoint.url}: answered {error.code().name}: {words}")


def call(channel: grpc.Channel, endpoint: Endpoint, method: str, message: bytes, timeout: float) -> bytes:
    """The answer's bytes. Raises UserError if nobody speaks gRPC there or the request is refused, ServerFault if the
    server fails; INTERNAL is left to the caller, as grpc.RpcError."""
    try:
        answer: Any = channel.unary_unary(method)(message, timeout=timeout, metadata=metadata(endpoint))
    except grpc.RpcError as error:
        code, words = error.code(), " ".join((error.details() or "").split())[:300]
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise UserError(f"{endpoint.url}: no answer over gRPC ({words}); is a server up there?") from error
        if code.name in CLIENTS_FAULT:
            raise UserError(f"{endpoint.url}: answered {code.name} to {method}: {words}") from error
        if code is grpc.StatusCode.INTERNAL:
            raise
        raise ServerFault(f"{endpoint.url}: answered {code.name} to {method}: {words}") from error
    return bytes(answer)
