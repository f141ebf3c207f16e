"""HTTP/1.1: requests in a row and in pieces, what is refused, and what takes too long."""

import asyncio
import json

import pytest

from tests.serving.onnx_server.http.lines import Held, echo, paths, statuses, written
from tests.serving.onnx_server.in_process import Line
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import SECONDS, head, in_loop
from torchferry.serving.errors import NotDecodable
from torchferry.serving.onnx_server.http.connection import (
    HEAD_SECONDS,
    IDLE_SECONDS,
    IN_ROW,
    LINGER_BYTES,
    UNREAD_SECONDS,
)
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.http.request_parser import HEAD_BYTES


@in_loop
async def test_requests_in_a_row_are_begun_together_and_answered_in_their_order_in_one_write() -> None:
    held = Held()
    line = Line(held)
    line.send(b"".join(head(f"/{number}", 0) for number in range(3)))
    assert [request.path for request in held.requests] == ["/0", "/1", "/2"]
    for request in reversed(held.requests):
        request.answer(200, request.path.encode())
        await asyncio.sleep(0)
    await until(lambda: bool(line.transport.writes))
    assert [part.rsplit(b"\r\n", 1)[1] for part in written(line).split(b"HTTP/1.1 ")[1:]] == [b"/0", b"/1", b"/2"]
    assert len(line.transport.writes) == 1


@in_loop
async def test_no_more_than_so_many_are_begun_and_the_others_wait_unread() -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) * (IN_ROW + 3))
    assert (len(held.requests), line.protocol.is_paused) == (IN_ROW, True)
    for request in held.requests[:IN_ROW]:
        request.answer(200, b"")
    await until(lambda: len(held.requests) == IN_ROW + 3)
    assert not line.protocol.is_paused


@in_loop
async def test_thousands_in_a_row_that_are_answered_at_once_are_answered() -> None:
    line = Line(paths)
    line.send(head("/", 0) * 3000)
    await until(lambda: len(statuses(line)) == 3000)
    assert not line.protocol.is_paused


@in_loop
async def test_a_request_comes_in_pieces_of_any_size() -> None:
    sent = head("/some%20where?a=b", 5, a="b") + b"hello"
    for size in (1, 2, 7, len(sent)):
        line = Line(echo)
        for start in range(0, len(sent), size):
            line.send(sent[start : start + size])
        while not line.transport.writes:
            await asyncio.sleep(0)
        assert written(line).endswith(b"\r\n\r\nhello")


@in_loop
async def test_the_path_is_unquoted_and_has_no_query() -> None:
    for target, path in (
        ("/a%20b?c=d", b"/a b"),
        ("http://host/a", b"/a"),
        ("/%C3%A9", "/é".encode()),
        ("/a//b/", b"/a//b/"),
    ):
        assert (await Line(paths).ask(target)).body == path


@in_loop
async def test_chunks_are_put_together_and_their_trailers_are_no_headers() -> None:
    def said(request: HttpRequest) -> None:
        request.answer(200, b" ".join(sorted(request.headers)) + b"|" + b"".join(request.parts))

    line = Line(said)
    line.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nLate: 1\r\n\r\n")
    assert written(line).endswith(b"\r\n\r\nhost transfer-encoding|abc")


@in_loop
async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    line = Line(echo)
    line.send(head("/", 3, Expect="100-continue"))
    await until(lambda: bool(line.transport.writes))
    assert written(line) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.send(b"abc")
    await until(lambda: len(line.transport.writes) == 2)
    assert written(line).endswith(b"\r\n\r\nabc")


@in_loop
async def test_it_is_asked_behind_the_answers_before_and_not_if_nobody_wants_it() -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) + head("/", 3, Expect="100-continue"))
    held.requests[1].take_body(100, SECONDS, lambda _: None)
    assert not line.transport.writes
    held.requests[0].answer(200, b"")
    await until(lambda: len(line.transport.writes) == 2)
    assert written(line).endswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    line = Line(paths)
    line.send(head("/", 3, Expect="100-continue"))
    assert statuses(line) == [200]


@in_loop
@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nb c\r\n\r\n", 400, "the request is not HTTP/1.1: "),
        (b"\x16\x03\x01\x02\x00", 400, "the request is not HTTP/1.1: "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "the request is not HTTP/1.1: "),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "another protocol than HTTP/1.1"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "the request has 0 Host headers; it needs one"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "the request has 2 Host headers; it needs one"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "not HTTP/1.1: "),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "not HTTP/1.1: ",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
            "Transfer-Encoding is something else than chunked",
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\na: " + b"b" * HEAD_BYTES + b"\r\n\r\n", 431, "more than 65,536 bytes"),
    ],
)
async def test_what_is_no_request_is_refused_behind_the_answers_before_and_ends_the_connection(
    sent: bytes, status: int, words: str
) -> None:
    held = Held()
    line = Line(held)
    line.send(head("/", 0) + sent)
    line.send(head("/", 0))
    assert len(held.requests) == 1
    held.requests[0].answer(200, b"")
    await until(lambda: line.transport.closed)
    assert statuses(line) == [200, status]
    answer, _, content = written(line).split(b"HTTP/1.1 ")[-1].partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in answer
    assert words in json.loads(content)["detail"]


@in_loop
async def test_a_head_that_grows_too_large_in_pieces_is_refused() -> None:
    line = Line(echo)
    line.send(b"POST / HTTP/1.1\r\nHost: a\r\nb: ")
    while not line.transport.closed:
        assert len(line.transport.writes) == 0
        line.send(b"c" * 8192)
    assert statuses(line) == [431]


@in_loop
async def test_heads_in_a_row_are_measured_one_by_one_and_bodies_not() -> None:
    line, whole = Line(paths), head("/", HEAD_BYTES, a="b" * (HEAD_BYTES // 3)) + bytes(HEAD_BYTES)
    for _ in range(5):
        for piece in (whole[:10], whole[10:1000], whole[1000:]):
            line.send(piece)
    assert statuses(line) == [200] * 5
    assert not line.transport.closed


@in_loop
async def test_what_waits_too_long_is_closed() -> None:
    for sent, seconds in ((b"", IDLE_SECONDS), (head("/", 0), IDLE_SECONDS), (b"POST / HT", HEAD_SECONDS)):
        line = Line(paths)
        line.send(sent)
        now = asyncio.get_running_loop().time()
        line.protocol.look_at_clock(now + seconds - 1)
        assert not line.transport.closed
        line.protocol.look_at_clock(now + seconds + 1)
        assert line.transport.closed


@in_loop
async def test_a_request_that_is_worked_on_has_all_time() -> None:
    line = Line(Held())
    line.send(head("/", 0))
    line.protocol.look_at_clock(asyncio.get_running_loop().time() + 1000)
    assert not line.transport.closed


@in_loop
async def test_who_does_not_read_its_answers_is_not_read_from_and_cut_off_in_the_end() -> None:
    held = Held()
    line = Line(held)
    line.protocol.pause_writing()
    line.send(head("/", 0))
    assert (held.requests, line.protocol.is_paused) == ([], True)
    line.protocol.resume_writing()
    assert (len(held.requests), line.protocol.is_paused) == (1, False)
    line.protocol.pause_writing()
    line.protocol.look_at_clock(asyncio.get_running_loop().time() + UNREAD_SECONDS + 1)
    assert line.transport.closed


@in_loop
async def test_who_is_answered_before_the_body_is_whole_has_no_second_request() -> None:
    line = Line(paths)
    line.send(head("/first", 10) + b"abc")
    assert statuses(line) == [200]
    assert b"connection: close" in written(line)
    line.send(b"defghij" + head("/second", 0))
    assert statuses(line) == [200]
    assert line.transport.closed or line.protocol.is_closing


@in_loop
async def test_what_comes_behind_the_last_answer_is_passed_over_up_to_a_bound() -> None:
    line = Line(paths)
    line.send(head("/first", 10 * LINGER_BYTES))
    part = bytes(2**20)
    for _ in range(LINGER_BYTES // len(part)):
        line.send(part)
    assert not line.transport.aborted
    line.send(b"a")
    assert line.transport.aborted


@in_loop
async def test_an_offer_of_another_protocol_is_declined_and_the_body_is_read() -> None:
    content = b"a\r\nUpgrade: b"
    said = await Line(echo).ask("/", content, Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AA")
    assert (said.status, said.body) == (200, content)


@in_loop
@pytest.mark.parametrize("sent", [head("/", 0, Connection="close"), b"GET / HTTP/1.0\r\n\r\n"])
async def test_a_connection_that_ends_says_so_and_takes_nothing_behind(sent: bytes) -> None:
    line = Line(paths)
    line.send(sent + head("/", 0))
    assert statuses(line) == [200]
    assert b"\r\nconnection: close\r\n" in written(line)
    assert line.transport.closed


@in_loop
async def test_while_the_port_drains_each_connection_ends_with_its_next_answer() -> None:
    line = Line(paths)
    assert "connection" not in (await line.ask("/")).headers
    line.port.drains = lambda: True
    assert (await line.ask("/")).headers["connection"] == "close"
    assert line.transport.closed


@in_loop
async def test_a_head_has_the_length_of_a_body_that_is_not_sent() -> None:
    line = Line(paths)
    line.send(head("/four", 0, method="HEAD"))
    assert b"content-length: 5\r\n" in written(line)
    assert written(line).endswith(b"\r\n\r\n")


@in_loop
async def test_all_answers_have_the_ports_headers() -> None:
    line = Line(paths, headers=((b"a", b"b"),))
    assert (await line.ask("/")).headers["a"] == "b"
    line.send(b"nonsense\r\n\r\n")
    assert line.transport.writes[-1].count(b"\r\na: b\r\n") == 1


@in_loop
async def test_a_lost_connection_is_told_to_every_request_that_waits_and_nothing_is_written() -> None:
    told: list[str] = []

    def wait(request: HttpRequest) -> None:
        request.gone = lambda _: told.append(request.path)

    line = Line(wait)
    line.send(head("/0", 0) + head("/1", 0) + head("/2", 9) + b"abc")
    line.lose()
    assert told == ["/0", "/1", "/2"]
    assert not line.transport.writes
    assert not line.port.connections


BROKEN = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"
"""What comes next is no part of it."""


@in_loop
async def test_a_body_that_breaks_off_is_its_requests_fault_and_ends_the_connection() -> None:
    async def read(request: HttpRequest) -> None:
        try:
            await request.body(1000, SECONDS)
        except NotDecodable as error:
            request.answer(400, str(error).encode())

    line = Line(read)
    line.send(BROKEN)
    line.send(b"lo nonsense" + head("/", 0))
    await until(lambda: line.transport.closed)
    assert statuses(line) == [400]


@in_loop
async def test_a_body_that_breaks_off_when_nobody_wants_it_ends_the_connection() -> None:
    line = Line(paths)
    line.send(BROKEN)
    line.send(b"lo nonsense" + head("/", 0))
    assert statuses(line) == [200]
    assert line.transport.closed
