"""Handlers for grpc.aio that read messages and fail as they should: the library itself answers UNKNOWN to either."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import grpc
from google.protobuf.message import DecodeError

from torchferry.serving.errors import NotDecodable, TooLarge
from torchferry.serving.onnx_server.grpc.call import GONE, fail, refuse
from torchferry.serving.onnx_server.grpc.drain import Drain
from torchferry.serving.onnx_server.grpc.interfaces import (
    Context,
    Handler,
    ParsingHandler,
    Request,
    Response,
    Server,
)
from torchferry.serving.onnx_server.grpc.message_parts import check_parts
from torchferry.serving.onnx_server.grpc.open_calls import OpenCalls


class Registering:
    """Takes the place of the server in the generated `add_..._to_server`."""

    def __init__(self, server: Server, drain: Drain, calls: OpenCalls) -> None:
        self.server, self.drain, self.calls = server, drain, calls

    def add_generic_rpc_handlers(self, _handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """The same handlers as below, which do not read yet."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, ParsingHandler]) -> None:
        reading = {name: read_in_handler(handler, self.drain, self.calls) for name, handler in handlers.items()}
        # grpc.aio looks at the generic ones, before 1.71 at no others; pygrpc-native at those with a name.
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, reading),))
        self.server.add_registered_method_handlers(service, reading)


def read_in_handler(
    handler: ParsingHandler[Request, Response], drain: Drain, calls: OpenCalls
) -> Handler[bytes, Response]:
    """The same handler, but bytes that are no such message are the client's mistake, and so are too many calls."""
    parse = handler.request_deserializer

    async def call(request: bytes, context: Context) -> Response:
        await drain.enter(context)
        client = await calls.enter(context)
        try:
            return await handler.unary_unary(_parsed(parse, request), context)
        except (NotDecodable, TooLarge) as error:
            await refuse(context, error)
        except (grpc.aio.AbortError, NotImplementedError):  # answers; the second of calls that are not here
            raise
        except GONE as error:
            raise asyncio.CancelledError from error
        except Exception as error:
            await fail(context, error)
        finally:
            calls.leave(client)
            await drain.leave()

    async def writing(request: bytes, context: Context) -> None:
        client = await calls.enter(context)
        try:
            await handler.unary_stream(_parsed(parse, request), context)
        except (NotDecodable, TooLarge) as error:
            await refuse(context, error)
        finally:
            calls.leave(client)

    async def stream(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[Response]:
        client = await calls.enter(context)
        try:
            async for response in handler.stream_stream(
                (_parsed(parse, request) async for request in requests), context
            ):
                yield response
        except (NotDecodable, TooLarge) as error:  # not where it is read: that may be in another task than the answer
            await refuse(context, error)
        finally:
            calls.leave(client)

    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(stream, response_serializer=handler.response_serializer)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(writing, response_serializer=handler.response_serializer)
    return grpc.unary_unary_rpc_method_handler(call, response_serializer=handler.response_serializer)


def _parsed(parse: Callable[[bytes], Request], request: bytes) -> Request:
    """Raises NotDecodable and TooLarge."""
    check_parts(request)
    try:
        return parse(request)
    except DecodeError as error:
        raise NotDecodable(f"the request is not such a message: {error}") from error
