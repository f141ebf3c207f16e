"""A body is taken within its limits, a client that has gone is noticed, and an answer has its length."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import pytest

from tests.serving.onnx_server.in_process import Line
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import SECONDS, head, in_loop
from torchferry.serving.errors import ClientGone, NotDecodable, RequestError, TooLarge, TooSlow, UnsupportedType
from torchferry.serving.onnx_server.http.asgi_request import PART, AsgiRequest, Message, Receive, Send
from torchferry.serving.onnx_server.request_context import RequestContext

LIMIT = 100


class Reading:
    """An application that reads one body, or says why not."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.found: bytes | RequestError | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = AsgiRequest(scope, receive, send)
        try:
            self.found = await request.body(LIMIT, self.seconds)
        except RequestError as error:
            self.found = error
        await request.answer(200, b"read")


def packed(count: int) -> bytes:
    return gzip.compress(b"a" * count, mtime=0)  # the same whenever it is made: a test is called after it


async def read(content: bytes, **headers: str) -> bytes | RequestError | None:
    reading = Reading()
    await Line(reading).ask("/", content, **headers)
    return reading.found


@in_loop
@pytest.mark.parametrize("length", [0, 1, LIMIT])
async def test_a_body_up_to_the_limit_is_read(length: int) -> None:
    assert await read(b"a" * length) == b"a" * length


@in_loop
@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)]
)
async def test_a_packed_body_is_unpacked(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    assert await read(pack(b"a" * LIMIT), Content_Encoding=encoding) == b"a" * LIMIT


@in_loop
@pytest.mark.parametrize(
    ("content", "encoding", "error", "words"),
    [
        (b"a" * (LIMIT + 1), "identity", TooLarge, "the body has more than 100 bytes"),
        (packed(10_000), "gzip", TooLarge, "the body has more than 100 bytes"),
        (packed(10_000)[:-8] + bytes(8), "gzip", TooLarge, "100 bytes"),  # its end is never looked at
        (b"no gzip", "gzip", NotDecodable, "the body is not gzip: "),
        (packed(3)[:-3], "gzip", NotDecodable, "the body ends before its gzip does"),
        (b"", "deflate", NotDecodable, "the body ends before its deflate does"),
        (b"abc", "br", UnsupportedType, "Content-Encoding is br; gzip, deflate and identity are taken"),
    ],
)
async def test_a_body_that_does_not_do_is_refused(
    content: bytes, encoding: str, error: type[RequestError], words: str
) -> None:
    found = await read(content, Content_Encoding=encoding)
    assert type(found) is error
    assert words in str(found)


@in_loop
async def test_a_body_that_comes_in_pieces_is_put_together() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(head("/", 6) + b"abc")
    await asyncio.sleep(0)
    assert reading.found is None
    line.send(b"def")
    await until(lambda: reading.found == b"abcdef")


@in_loop
async def test_a_body_without_a_length_ends_at_the_limit() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(head("/", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
    line.send(b"65\r\n" + b"a" * 0x65 + b"\r\n")
    await until(lambda: isinstance(reading.found, TooLarge))


@in_loop
async def test_a_body_that_does_not_come_is_too_slow() -> None:
    reading = Reading(seconds=0.01)
    Line(reading).send(head("/", 6) + b"abc")
    await until(lambda: isinstance(reading.found, TooSlow))
    assert str(reading.found) == "the body did not arrive within 0.01 s"


@in_loop
async def test_a_client_that_goes_while_it_sends_is_gone() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(head("/", 6) + b"abc")
    await asyncio.sleep(0)
    line.lose()
    await until(lambda: isinstance(reading.found, ClientGone))


class Waiting:
    """An application that waits for an answer which never comes."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: BaseException | None = None
        self.waits = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request, context = AsgiRequest(scope, receive, send), RequestContext("rest", lambda *_: None)
        context.waits_for, self.waits = self.answer, True
        try:
            with request.watched(context):
                await self.answer
        except (ClientGone, asyncio.CancelledError) as error:
            self.ended = error
        await request.answer(200, b"")


@in_loop
async def test_what_a_client_waits_for_is_cancelled_when_it_goes() -> None:
    waiting = Waiting()
    line = Line(waiting)
    line.send(head("/", 0))
    await until(lambda: waiting.waits)
    line.lose()
    assert waiting.answer.cancelled()
    await until(lambda: isinstance(waiting.ended, ClientGone))


@in_loop
async def test_what_the_server_cancels_is_not_taken_for_a_client_that_went() -> None:
    waiting = Waiting()
    Line(waiting).send(head("/", 0))
    await until(lambda: waiting.waits)
    waiting.answer.cancel()
    await until(lambda: isinstance(waiting.ended, asyncio.CancelledError))


@in_loop
@pytest.mark.parametrize(("is_plain", "writes"), [(True, 1), (False, 2)])
async def test_an_answer_is_the_same_whether_written_at_once_or_through_asgi(is_plain: bool, writes: int) -> None:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await AsgiRequest(scope, receive, send, is_plain=is_plain).answer(404, b"no", [(b"a", b"b")])

    line = Line(application)
    said = await line.ask("/")
    assert (said.status, said.headers, said.body) == (404, {"content-length": "2", "a": "b"}, b"no")
    assert len(line.transport.writes) == writes


@in_loop
@pytest.mark.parametrize("sizes", [[], [0, 1], [PART], [PART + 1], [3 * PART + 5, 0, 7], [1000] * 1000])
async def test_an_answer_in_parts_is_what_its_pieces_are_together(sizes: list[int]) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await AsgiRequest(scope, receive, send, is_plain=True).answer_in_parts(200, pieces, [(b"a", b"b")])

    line = Line(application)
    said = await line.ask("/")
    assert (said.status, said.headers["a"], said.body) == (200, "b", b"".join(pieces))
    assert max(map(len, line.transport.writes)) <= PART + 1000


@in_loop
async def test_others_are_served_between_two_parts() -> None:
    seen: list[int] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await AsgiRequest(scope, receive, send).answer_in_parts(200, [bytes(4 * PART)])

    line = Line(application)
    answering = asyncio.ensure_future(line.ask("/"))
    while not answering.done():
        await asyncio.sleep(0)
        seen.append(len(line.transport.writes))
    assert set(seen) >= {2, 3, 4}


@in_loop
async def test_a_part_waits_until_the_client_has_read_and_is_not_written_to_one_that_has_gone() -> None:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await AsgiRequest(scope, receive, send).answer_in_parts(200, [bytes(4 * PART)])

    line = Line(application)
    line.send(head("/", 0))
    line.protocol.pause_writing()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not line.transport.writes
    line.protocol.resume_writing()
    await until(lambda: bool(line.transport.writes))
    line.lose()
    written = len(line.transport.writes)
    await asyncio.gather(*line.protocol.tasks)
    assert len(line.transport.writes) == written
