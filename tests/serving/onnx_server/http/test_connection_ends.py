"""A connection ends while its client still sends, still reads, or has asked for more than was begun."""

import asyncio
import json
import socket

import pytest

from tests.serving.onnx_server.http.lines import Held, echo, paths, statuses, written
from tests.serving.onnx_server.in_process import Line
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import head, in_loop
from torchferry.serving.net.addresses import listeners
from torchferry.serving.onnx_server.http.connection import HEAD_SECONDS, IN_ROW, PART, UNREAD_SECONDS
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.http.request_parser import HEAD_BYTES
from torchferry.serving.onnx_server.http.server import HttpServer

CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = 30_000_000
"""Bytes; more than the buffers between a client and a server hold."""


async def answered(held: Held, count: int) -> None:
    """Each as soon as it is begun."""
    for number in range(count):
        await until(lambda number=number: len(held.requests) > number)  # type: ignore[misc]
        held.requests[number].answer(200, b"")


@in_loop
async def test_what_is_no_request_is_refused_behind_those_that_were_not_begun_yet() -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) * (IN_ROW + 3) + b"nonsense\r\n\r\n")
    await answered(held, IN_ROW + 3)
    await until(lambda: line.transport.closed)
    assert statuses(line) == [200] * (IN_ROW + 3) + [400]


@in_loop
@pytest.mark.parametrize(
    "sent",
    [
        head("/", LARGE, Connection="close"),
        f"POST / HTTP/1.0\r\nContent-Length: {LARGE}\r\n\r\n".encode(),
        f"POST / HTTP/1.1\r\nContent-Length: {LARGE}\r\n\r\n".encode(),
    ],
)
async def test_a_client_that_still_sends_reads_its_answer_and_then_the_end(sent: bytes) -> None:
    server = HttpServer(paths, listeners("127.0.0.1", 0, "--port"))
    await server.start()

    def upload() -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), 30) as client:
            client.sendall(sent)
            client.sendall(bytes(LARGE))
            answer = b""
            while part := client.recv(65536):
                answer += part
            return answer

    answer = await asyncio.to_thread(upload)
    await until(lambda: not server.connections)
    await server.stop(0)
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@in_loop
async def test_who_does_not_take_its_last_answers_is_cut_off() -> None:
    line = Line(paths)
    aborted: list[bool] = []
    line.transport.abort = lambda: aborted.append(True)  # type: ignore[method-assign]
    line.send(head("/", 0, Connection="close"))
    now = asyncio.get_running_loop().time()
    line.protocol.look_at_clock(now + UNREAD_SECONDS - 1)
    assert not aborted
    line.protocol.look_at_clock(now + UNREAD_SECONDS + 1)
    assert aborted


@in_loop
async def test_who_reads_slowly_has_all_time() -> None:
    line = Line(paths)
    line.protocol.pause_writing()
    now = asyncio.get_running_loop().time()
    for waited, left in ((1, 1000), (UNREAD_SECONDS - 1, 900), (2 * UNREAD_SECONDS - 2, 900)):
        line.transport.get_write_buffer_size = lambda left=left: left  # type: ignore[method-assign,misc]
        line.protocol.look_at_clock(now + waited)
        assert not line.transport.closed
    line.protocol.look_at_clock(now + 2 * UNREAD_SECONDS)
    assert line.transport.closed


@in_loop
async def test_all_that_are_begun_are_answered_while_the_port_drains_and_no_more() -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) * (IN_ROW + 1))
    line.port.drains = lambda: True
    for request in held.requests:
        request.answer(200, b"")
    await until(lambda: line.transport.closed)
    assert statuses(line) == [200] * IN_ROW
    assert written(line).count(b"connection: close") == 1
    assert len(held.requests) == IN_ROW


@in_loop
async def test_a_connection_that_ends_now_tells_all_that_are_begun() -> None:
    line = Line(lambda request: setattr(request, "gone", lambda _: request.answer(503, b"")))
    line.send(head("/", 0) * (IN_ROW + 1))
    line.port.drains = lambda: True
    line.protocol.end(asyncio.CancelledError())
    assert line.transport.closed
    assert statuses(line) == [503] * IN_ROW


@in_loop
async def test_what_waits_for_an_answer_may_wait_in_the_middle_of_a_head() -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) * (IN_ROW + 1) + b"POST / HT")
    line.protocol.look_at_clock(asyncio.get_running_loop().time() + HEAD_SECONDS + 1)
    assert not line.transport.closed


@in_loop
@pytest.mark.parametrize("behind", [b"0\r\na: ", b"1;a="])
async def test_what_stands_around_chunks_has_its_bounds(behind: bytes) -> None:
    told: list[BaseException] = []

    def take(request: HttpRequest) -> None:
        request.take_body(1000, 60, lambda found: (told.append(found), request.answer(400, b""))[0])  # type: ignore[func-returns-value,arg-type]

    line = Line(take)
    line.send(CHUNKED + b"1\r\na\r\n" + behind)
    for _ in range(HEAD_BYTES // 8192):
        assert not line.transport.closed
        line.send(b"b" * 8192)
    line.send(b"b")
    await until(lambda: line.transport.closed)
    assert "more than 65,536 bytes" in str(told[0])
    assert statuses(line) == [400]


@in_loop
async def test_an_offer_of_another_protocol_may_come_in_pieces_and_in_a_row() -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AA"}
    sent = head("/", 5, **offer) + b"hello"
    for start in range(1, len(sent)):
        line = Line(echo)
        line.send(sent[:start])
        line.send(sent[start:] + sent)
        await until(lambda line=line: written(line).count(b"hello") == 2)  # type: ignore[misc]
        assert statuses(line) == [200, 200]


@in_loop
async def test_a_client_that_was_not_asked_for_its_body_is_told_that_the_connection_ends() -> None:
    line = Line(paths)
    line.send(head("/", 3, Expect="100-continue"))
    assert b"\r\nconnection: close\r\n" in written(line)
    assert line.transport.closed


@in_loop
async def test_nobody_asks_a_client_of_http_1_0_for_its_body() -> None:
    line = Line(echo)
    line.send(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    await asyncio.sleep(0)
    line.send(b"abc")
    await until(lambda: line.transport.closed)
    assert statuses(line) == [200]


@in_loop
async def test_a_head_of_two_hosts_is_refused_with_an_offer_too() -> None:
    line = Line(paths)
    line.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    await until(lambda: line.transport.closed)
    assert "2 Host headers" in json.loads(written(line).partition(b"\r\n\r\n")[2])["detail"]


@in_loop
async def test_nothing_joins_a_row_behind_a_long_request_until_that_is_answered() -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) + (head("/", PART + 1) + bytes(PART + 1)) * 2)
    assert (len(held.requests), line.protocol.is_paused) == (2, True)
    await answered(held, 3)
    await until(lambda: statuses(line) == [200] * 3)
