"""A gRPC call: its status for each error, who asks and in which trace, and what its trailing metadata say of it."""

import asyncio
import traceback
from typing import NoReturn

import grpc

from torchferry.serving.errors import (
    AnswerTooLarge,
    DeadlinePassed,
    Forbidden,
    InferenceFailed,
    NotAllowed,
    NotDecodable,
    Overloaded,
    RequestError,
    TooLarge,
    TooSlow,
    TryLater,
    Unavailable,
    UnknownModel,
    UnknownSequence,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.interfaces import Context, Metadata
from torchferry.serving.onnx_server.request_context import LONGEST_ID, RequestContext

Refusal = RequestError | DeadlinePassed | InferenceFailed
STATUS: dict[type[Refusal], grpc.StatusCode] = {
    NotDecodable: grpc.StatusCode.INVALID_ARGUMENT,
    WrongTensor: grpc.StatusCode.INVALID_ARGUMENT,
    WrongParameter: grpc.StatusCode.INVALID_ARGUMENT,
    UnsupportedType: grpc.StatusCode.INVALID_ARGUMENT,
    TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    AnswerTooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TooSlow: grpc.StatusCode.DEADLINE_EXCEEDED,
    NotAllowed: grpc.StatusCode.UNAUTHENTICATED,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    UnknownModel: grpc.StatusCode.NOT_FOUND,
    UnknownSequence: grpc.StatusCode.FAILED_PRECONDITION,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlinePassed: grpc.StatusCode.DEADLINE_EXCEEDED,
    InferenceFailed: grpc.StatusCode.INTERNAL,
}
ANSWERED = tuple(STATUS)
GONE = grpc.aio.InternalError
"""Raised by grpcio where there is no call any more: its client has given it up. What is no cancellation it logs, with
all its frames."""
REQUEST_ID, CODE = "x-request-id", "error-code"
"""Keys of metadata; the second has the code that bodies over HTTP have."""


async def refuse(context: Context, error: Refusal, known: RequestContext | None = None) -> NoReturn:
    """`error` is one of STATUS; `known`: the request, as far as it was read."""
    trailing = [(CODE, error.code), *(_said(known) if known else _named(_sent(context, REQUEST_ID)))]
    if isinstance(error, TryLater):
        trailing.append(("retry-after", str(error.retry_after)))
    await _abort(context, STATUS[type(error)], str(error), trailing)


async def fail(context: Context, error: Exception) -> NoReturn:
    """The server has a bug, which is shown to whoever reads its stderr."""
    traceback.print_exception(error)
    trailing = [(CODE, "internal_server_error"), *_named(_sent(context, REQUEST_ID))]
    await _abort(context, grpc.StatusCode.INTERNAL, f"a bug of the server: {type(error).__name__}", trailing)


async def _abort(context: Context, code: grpc.StatusCode, details: str, trailing: list[tuple[str, str]]) -> NoReturn:
    try:
        await context.abort(code, details, tuple(trailing))
    except GONE as error:
        raise asyncio.CancelledError from error


def authorization(metadata: Metadata | None) -> str:
    """What a call says of its caller, or nothing."""
    return str(dict(metadata or ()).get("authorization", ""))


def say(request_context: RequestContext, context: Context) -> None:
    """An answer's stages, its trace and its id, as HTTP has them in headers."""
    context.set_trailing_metadata(tuple(_said(request_context)))


def identify(plane: DataPlane, request_context: RequestContext, context: Context) -> None:
    """Who asks, for log, exemplars and traces: x-request-id and traceparent."""
    request_context.request_id = _sent(context, REQUEST_ID)[:LONGEST_ID]
    if (traceparent := _sent(context, "traceparent")) or plane.tracing:
        plane.trace(request_context, traceparent)


def _sent(context: Context, name: str) -> str:
    return next((value for key, value in context.invocation_metadata() or () if key == name), "")


def _said(known: RequestContext) -> list[tuple[str, str]]:
    said = [("server-timing", known.timing()), *_named(known.request_id)]
    if known.trace:
        said.append(("traceparent", str(known.trace)))
    return said


def _named(request_id: str) -> list[tuple[str, str]]:
    """Metadata have room for ASCII alone."""
    fits = request_id and request_id.isascii() and request_id.isprintable()
    return [(REQUEST_ID, request_id[:LONGEST_ID])] if fits else []
