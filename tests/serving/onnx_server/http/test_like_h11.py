"""Where a request ends: our connection and h11, another reader of HTTP/1.1, agree on it, or ours refuses and closes.

What two readers in a row, such as a proxy and a server, see differently is how requests are smuggled. Two differences
are left out, since they move no end: llhttp takes an empty line before a request and two spaces before its target.
"""

import asyncio

import h11
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.serving.onnx_server.in_process import Line
from torchferry.serving.onnx_server.http.request import HttpRequest

BARE = b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"
Seen = list[tuple[str, bytes]]
"""The method and the body of each request."""
HEADS = st.sampled_from(
    [
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length:5 ",
        b"Content-Length : 5",
        b"Content-Length: 0x5",
        b"Content-Length:\t5",
        b"content-length: 05",
        b"Content-Length: 99999999999999999999",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding\t: chunked",
        b"Transfer-Encoding: chunked\r\n folded",
        b"X: a\r\n\tfolded",
        b"X: a\nY: b",
        b"X: a\rY: b",
        b"X: a\0b",
        b": b",
        b"X",
        b"Host: b",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Expect: 100-continue",
    ]
)
LINES = st.sampled_from(
    [
        b"POST / HTTP/1.1",
        b"GET /a HTTP/1.1",
        b"GET / HTTP/1.0",
        b"POST / HTTP/1.2",
        b"GET / HTTP/1.1 ",
        b"get / HTTP/1.1",
        b"GET / http/1.1",
        b" GET / HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET / HTTP/11",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"hello",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;a=b\r\nhello\r\n0\r\nLate: 1\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"00000005\r\nhello\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFF\r\nhello",
        b"-1\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\rX",
    ]
)
ENDS = st.sampled_from([b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n"])
REQUESTS = st.builds(
    lambda line, hosts, heads, end, body: b"\r\n".join([line, *[b"Host: a"] * hosts, *heads]) + end + body,
    LINES,
    st.sampled_from([1, 1, 1, 0]),
    st.lists(HEADS, max_size=3),
    ENDS,
    BODIES,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=st.lists(REQUESTS, min_size=1, max_size=3).map(b"".join), size=st.integers(1, 40))
def test_both_see_the_same_requests_or_ours_ends_the_connection(sent: bytes, size: int) -> None:
    agree([sent[start : start + size] for start in range(0, len(sent), size)])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(first=BARE, cut=0, between=[], last=BARE + b"hello")
@given(first=REQUESTS, cut=st.integers(0, 200), between=st.lists(REQUESTS, max_size=1), last=REQUESTS)
def test_a_head_that_comes_again_is_read_like_any_other(
    first: bytes, cut: int, between: list[bytes], last: bytes
) -> None:
    agree([first, *between, first, first + first[:cut], first[cut:], first + last, first])


def agree(pieces: list[bytes]) -> None:
    ours, closed = asyncio.run(read_by_us(pieces))
    theirs = read_by_h11(b"".join(pieces))
    assert ours == theirs[: len(ours)]
    assert closed or len(ours) == len(theirs)


async def read_by_us(pieces: list[bytes]) -> tuple[Seen, bool]:
    seen: Seen = []

    def answer(request: HttpRequest) -> None:
        def here(body: object) -> None:
            if isinstance(body, bytes):
                seen.append((request.method, body))
            request.answer(200 if isinstance(body, bytes) else 400, b"")

        request.take_body(10**6, 60, here)

    line = Line(answer)
    for piece in pieces:
        line.send(piece)
    for _ in range(3):  # answers to what came in a row go out in the loop's next rounds
        await asyncio.sleep(0)
    closed = line.transport.closed
    if line.protocol.parser.reading and line.protocol.parser.reading.timer:
        line.protocol.parser.reading.timer.cancel()
    return seen, closed


def read_by_h11(sent: bytes) -> Seen:
    connection, seen = h11.Connection(h11.SERVER), Seen()
    method, body = "", b""
    connection.receive_data(sent)
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                method, body = event.method.decode(), b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                seen.append((method, body))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    return seen
                connection.start_next_cycle()
            else:
                return seen
    except h11.RemoteProtocolError:
        return seen
