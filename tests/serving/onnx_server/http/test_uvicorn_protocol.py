"""HTTP/1.1 with its limits: on heads that do not end, and for requests whose client has gone."""

import asyncio
import json

import pytest

from tests.serving.onnx_server.in_process import Line
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import SECONDS, head, in_loop
from torchferry.serving.onnx_server.http import uvicorn_protocol as protocol
from torchferry.serving.onnx_server.http.asgi_request import AsgiRequest, Message, Receive, Send
from torchferry.serving.onnx_server.http.uvicorn_protocol import HEAD_BYTES


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    request = AsgiRequest(scope, receive, send, is_plain=True)
    await request.answer(200, await request.body(1000, SECONDS))


def answered(line: Line) -> int:
    return b"".join(line.transport.writes).count(b"HTTP/1.1 200 OK\r\n")


@in_loop
async def test_a_head_that_grows_too_large_is_refused_and_the_connection_ends() -> None:
    line = Line(echo)
    line.send(b"POST / HTTP/1.1\r\n")
    while not line.transport.closed:
        line.send(b"a: " + b"b" * 8192 + b"\r\n")
        assert len(line.transport.writes) <= 1
    status, _, content = line.transport.writes[0].partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert json.loads(content)["detail"] == "the request's head has more than 65,536 bytes"
    assert f"content-length: {len(content)}".encode() in status


@in_loop
async def test_heads_in_a_row_are_measured_one_by_one() -> None:
    line, count = Line(echo), 5
    whole = head("/", 0, a="b" * (HEAD_BYTES // 3))
    pieces = whole[:10], whole[10:-10], whole[-10:]
    for _ in range(count):
        for piece in pieces:
            line.send(piece)
        await asyncio.gather(*line.protocol.tasks)
    assert answered(line) == count
    assert not line.transport.closed


@in_loop
async def test_a_body_is_not_counted_as_head() -> None:
    line = Line(echo)
    line.send(head("/", 4 * HEAD_BYTES))
    for _ in range(4):
        line.send(bytes(HEAD_BYTES))
    assert not line.transport.closed


@in_loop
async def test_a_head_that_does_not_end_closes_the_connection_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.001)
    line = Line(echo)
    line.send(b"POST / HTTP/1.1\r\n")
    await until(lambda: line.transport.closed)


@in_loop
async def test_a_head_that_ends_stops_its_clock() -> None:
    line = Line(echo)
    line.send(b"POST / HTTP/1.1\r\n")
    timer = line.protocol.head_timer
    assert timer
    line.send(b"content-length: 9\r\n\r\n")
    assert timer.cancelled()
    assert line.protocol.head_timer is None


@in_loop
async def test_a_connection_that_brings_nothing_has_a_clock() -> None:
    line = Line(echo)
    assert line.protocol.timeout_keep_alive_task
    line.send(head("/", 9))
    assert line.protocol.timeout_keep_alive_task is None


@in_loop
async def test_an_offer_of_another_protocol_is_declined_and_the_body_is_read() -> None:
    content = b"a\r\nUpgrade: b"
    said = await Line(echo).ask("/", content, Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AA")
    assert (said.status, said.body) == (200, content)


class Waiting:
    """An application that keeps its requests waiting."""

    def __init__(self) -> None:
        self.requests: list[AsgiRequest] = []
        self.gone: list[int] = []
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = AsgiRequest(scope, receive, send, is_plain=True)
        number = len(self.requests)
        request.reply.gone = lambda: self.gone.append(number)
        self.requests.append(request)
        await self.may_end.wait()
        await request.answer(200, b"late")


@in_loop
async def test_a_lost_connection_is_told_to_the_request_that_waits_though_others_came_behind_it() -> None:
    waiting = Waiting()
    line = Line(waiting)
    line.send(head("/", 0) * 3)
    await until(lambda: len(waiting.requests) == 1)  # the others wait in a row
    line.lose()
    assert waiting.gone == [0]
    waiting.may_end.set()
    await asyncio.gather(*line.protocol.tasks)
    assert not line.transport.writes


@in_loop
async def test_a_connection_that_stays_keeps_no_answered_request() -> None:
    line = Line(echo)
    for _ in range(3):
        await line.ask("/")
    assert len(line.protocol.unanswered) == 1


@in_loop
async def test_a_reply_knows_whether_its_request_is_here_as_a_whole() -> None:
    waiting = Waiting()
    line = Line(waiting)
    line.send(head("/", 3) + b"ab")
    await until(lambda: len(waiting.requests) == 1)
    reply = waiting.requests[0].reply
    assert not reply.has_body
    line.send(b"c")
    assert reply.has_body
    assert reply.is_plain
    line.protocol.pause_writing()
    assert not reply.is_plain
    line.lose()
    assert not reply.has_body
    waiting.may_end.set()
    await asyncio.gather(*line.protocol.tasks)


@in_loop
async def test_an_answer_on_a_connection_that_ends_is_left_to_uvicorn_which_says_so() -> None:
    said = await Line(echo).ask("/", b"abc", Connection="close")
    assert (said.headers["connection"], said.body) == ("close", b"abc")
