"""A message that cannot be read is the client's mistake, an exception is ours; each call is told which."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.in_process import Call, open_calls
from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.grpc.drain import Drain
from torchferry.serving.onnx_server.grpc.handlers import Registering, read_in_handler

Message = messages.ModelReadyRequest
GARBAGE = b"\xff\xff"


def unary(behaviour: Any) -> Any:
    return read_in_handler(
        grpc.unary_unary_rpc_method_handler(behaviour, Message.FromString, Message.SerializeToString),
        Drain(),
        open_calls(),
    ).unary_unary


def raising(error: Exception) -> Any:
    async def behaviour(_message: Any, _context: Any) -> Any:
        raise error

    return unary(behaviour)


async def name_of(message: Any, _context: Any) -> str:
    return str(message.name)


@in_loop
async def test_the_behaviour_gets_the_message_that_the_bytes_stand_for() -> None:
    assert await unary(name_of)(Message(name="digits").SerializeToString(), Call()) == "digits"


@in_loop
async def test_bytes_that_are_no_message_are_an_invalid_argument() -> None:
    context = Call()
    with pytest.raises(grpc.aio.AbortError):
        await unary(name_of)(GARBAGE, context)
    assert context.code is grpc.StatusCode.INVALID_ARGUMENT
    assert context.details.startswith("the request is not such a message: ")


@in_loop
async def test_a_message_of_very_many_parts_is_not_parsed() -> None:
    context = Call()
    with pytest.raises(grpc.aio.AbortError):
        await unary(name_of)(b"\x0a\0" * 5000, context)
    assert context.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert context.details == "the message has more than 4,096 parts"


@in_loop
async def test_an_exception_is_told_by_its_class_alone_and_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    context = Call()
    with pytest.raises(grpc.aio.AbortError):
        await raising(KeyError("a secret"))(b"", context)
    assert (context.code, context.details) == (grpc.StatusCode.INTERNAL, "a bug of the server: KeyError")
    assert context.trailing == {"error-code": "internal_server_error"}
    assert "KeyError: 'a secret'" in capsys.readouterr().err


@in_loop
@pytest.mark.parametrize("answer", [grpc.aio.AbortError("said already"), NotImplementedError("not here")])
async def test_what_the_behaviour_has_answered_itself_is_left_alone(
    answer: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    context = Call()
    with pytest.raises(type(answer)):
        await raising(answer)(b"", context)
    assert context.code is None
    assert not capsys.readouterr().err


async def arriving(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@in_loop
async def test_a_stream_is_answered_up_to_the_message_that_cannot_be_read() -> None:
    async def names(requests: AsyncIterator[Any], _context: Any) -> AsyncIterator[str]:
        async for request in requests:
            yield request.name

    handler: Any = read_in_handler(
        grpc.stream_stream_rpc_method_handler(names, Message.FromString, Message.SerializeToString),
        Drain(),
        open_calls(),
    )
    context = Call()
    answers = handler.stream_stream(arriving([Message(name="a").SerializeToString(), GARBAGE]), context)
    assert await anext(answers) == "a"
    with pytest.raises(grpc.aio.AbortError):
        await anext(answers)
    assert context.code is grpc.StatusCode.INVALID_ARGUMENT


@in_loop
async def test_what_writes_its_answers_itself_gets_the_message() -> None:
    read: list[str] = []

    async def behaviour(message: Any, _context: Any) -> None:
        read.append(message.name)

    given = grpc.unary_stream_rpc_method_handler(behaviour, Message.FromString, Message.SerializeToString)
    writing: Any = read_in_handler(given, Drain(), open_calls()).unary_stream
    context = Call()
    await writing(Message(name="a").SerializeToString(), context)
    assert read == ["a"]
    with pytest.raises(grpc.aio.AbortError):
        await writing(GARBAGE, context)
    assert context.code is grpc.StatusCode.INVALID_ARGUMENT


@in_loop
async def test_each_kind_of_call_has_a_place_and_gives_it_back() -> None:
    calls = open_calls(most=1, most_of_client=1)

    async def streaming(requests: AsyncIterator[Any], _context: Any) -> AsyncIterator[str]:
        async for request in requests:
            yield request.name

    async def writing(_message: Any, _context: Any) -> None:
        assert calls.room.is_full

    async def told(message: Any, _context: Any) -> str:
        assert calls.room.is_full
        return str(message.name)

    one = grpc.unary_unary_rpc_method_handler(told, Message.FromString, Message.SerializeToString)
    many = grpc.stream_stream_rpc_method_handler(streaming, Message.FromString, Message.SerializeToString)
    watch = grpc.unary_stream_rpc_method_handler(writing, Message.FromString, Message.SerializeToString)
    handlers: list[Any] = [read_in_handler(handler, Drain(), calls) for handler in (one, many, watch)]
    content = Message(name="a").SerializeToString()
    for _ in range(2):
        await handlers[0].unary_unary(content, Call())
        async for _ in handlers[1].stream_stream(arriving([content]), Call()):
            assert calls.room.is_full
        await handlers[2].unary_stream(content, Call())
    for ask in (handlers[0].unary_unary, handlers[2].unary_stream):
        with pytest.raises(grpc.aio.AbortError, match="not such a message"):
            await ask(GARBAGE, Call())
        assert not calls.room.is_full
    calls.room.take("")
    refused = (
        lambda: handlers[0].unary_unary(content, Call()),
        lambda: anext(handlers[1].stream_stream(arriving([content]), Call())),
        lambda: handlers[2].unary_stream(content, Call()),
    )
    for ask in refused:
        with pytest.raises(grpc.aio.AbortError, match="too many calls and streams are open"):
            await ask()
    assert calls.room.taken == 1


@in_loop
async def test_methods_are_registered_by_name_and_read_their_messages() -> None:
    added: list[Any] = []
    named: dict[str, Any] = {}
    server = SimpleNamespace(
        add_generic_rpc_handlers=added.extend,
        add_registered_method_handlers=lambda service, handlers: named.update({service: handlers}),
    )
    registering = Registering(server, Drain(), open_calls())
    handler = grpc.unary_unary_rpc_method_handler(name_of, Message.FromString, Message.SerializeToString)
    registering.add_registered_method_handlers("a.Service", {"Name": handler})
    registering.add_generic_rpc_handlers((handler,))  # the same once more, which must not come first
    (service,) = added
    found = service.service(SimpleNamespace(method="/a.Service/Name"))
    assert await found.unary_unary(Message(name="b").SerializeToString(), Call()) == "b"
    assert service.service(SimpleNamespace(method="/a.Service/Other")) is None
    assert named == {"a.Service": {"Name": found}}


class Gone(Call):
    """Its client has given it up."""

    async def abort(self, _code: grpc.StatusCode, _details: str = "", _trailing: Any = ()) -> None:
        raise grpc.aio.InternalError("no call")


@in_loop
@pytest.mark.parametrize("error", [grpc.aio.InternalError("no call"), ValueError("a bug")])
async def test_a_call_that_is_given_up_is_a_cancellation_and_says_nothing_on_stderr(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await raising(error)(Message().SerializeToString(), Gone())
    with pytest.raises(asyncio.CancelledError):
        await unary(name_of)(GARBAGE, Gone())
    assert ("Traceback" in capsys.readouterr().err) == isinstance(error, ValueError)
