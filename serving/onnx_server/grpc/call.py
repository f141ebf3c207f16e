"""A gRPC call: its status for each error, its deadline, and the trace that it belongs to."""

from typing import NoReturn

import grpc

from torchferry.serving.errors import (
    AnswerTooLarge,
    DeadlinePassed,
    InferenceFailed,
    NotAllowed,
    NotDecodable,
    Overloaded,
    TooLarge,
    TooSlow,
    TryLater,
    Unavailable,
    UnknownModel,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.interfaces import Context, Metadata
from torchferry.serving.onnx_server.request_context import RequestContext

STATUS: dict[type[Exception], grpc.StatusCode] = {
    NotDecodable: grpc.StatusCode.INVALID_ARGUMENT,
    WrongTensor: grpc.StatusCode.INVALID_ARGUMENT,
    WrongParameter: grpc.StatusCode.INVALID_ARGUMENT,
    UnsupportedType: grpc.StatusCode.INVALID_ARGUMENT,
    TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    AnswerTooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TooSlow: grpc.StatusCode.DEADLINE_EXCEEDED,
    NotAllowed: grpc.StatusCode.UNAUTHENTICATED,
    UnknownModel: grpc.StatusCode.NOT_FOUND,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlinePassed: grpc.StatusCode.DEADLINE_EXCEEDED,
    InferenceFailed: grpc.StatusCode.INTERNAL,
}
ANSWERED = tuple(STATUS)


async def refuse(context: Context, error: Exception) -> NoReturn:
    trailing = (("retry-after", str(error.retry_after)),) if isinstance(error, TryLater) else ()
    await context.abort(STATUS[type(error)], str(error), trailing)


def authorization(metadata: Metadata | None) -> str:
    """What a call says of its caller, or nothing."""
    return str(dict(metadata or ()).get("authorization", ""))


def say(request_context: RequestContext, context: Context) -> None:
    """An answer's stages and its trace, as HTTP has them in headers."""
    said = [("server-timing", request_context.timing())]
    if request_context.trace:
        said.append(("traceparent", str(request_context.trace)))
    context.set_trailing_metadata(tuple(said))


def trace(plane: DataPlane, request_context: RequestContext, context: Context) -> None:
    """Take the caller's trace over, if its metadata name one."""
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent":
            return plane.trace(request_context, value)
    return plane.trace(request_context, "") if plane.tracing else None
