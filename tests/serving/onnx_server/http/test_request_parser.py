"""Requests are read from bytes in any pieces, within their bounds; what cannot be read further is said once."""

import gc
import weakref

import pytest

from tests.serving.wire import head
from torchferry.serving.onnx_server.http.request import QUERY, HttpRequest
from torchferry.serving.onnx_server.http.request_parser import HEAD_BYTES, HEADERS, KNOWN_BYTES, RequestParser


def fed(parser: RequestParser, sent: bytes, size: int) -> list[HttpRequest]:
    pieces = (sent[start : start + size] for start in range(0, len(sent), size))
    return [request for piece in pieces for request in parser.feed(piece)]


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
def test_requests_in_a_row_are_read_in_pieces_of_any_size(size: int) -> None:
    parser = RequestParser()
    found = fed(parser, head("/a%20b?c=d", 5, x="1") + b"hello" + head("/", 0, method="GET", Connection="close"), size)
    assert [(each.method, each.path, b"".join(each.parts), each.is_last) for each in found] == [
        ("POST", "/a b", b"hello", False),
        ("GET", "/", b"", True),
    ]
    assert found[0].headers[b"x"] == b"1"
    assert [each.headers.get(QUERY) for each in found] == [b"c=d", None]
    assert (parser.reading, parser.wrong, parser.heads) == (None, None, 2)


def test_a_body_that_arrives_is_that_of_the_request_that_is_read() -> None:
    parser = RequestParser()
    assert not parser.feed(head("/", 5) + b"hel")
    reading = parser.reading
    assert reading
    assert (reading.size, parser.in_head) == (3, False)
    (request,) = parser.feed(b"lo")
    assert request.is_whole
    assert not parser.reading


def test_only_the_first_fault_is_said() -> None:
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\n\r\nnonsense\r\n\r\n")
    assert parser.wrong == (400, "the request has 0 Host headers; it needs one")


@pytest.mark.parametrize("size", [1000, 10 * HEAD_BYTES])
def test_a_head_has_a_bound_whether_it_comes_in_pieces_or_not(size: int) -> None:
    parser = RequestParser()
    assert not fed(parser, b"GET / HTTP/1.1\r\nHost: a\r\na: " + b"b" * (HEAD_BYTES + 1000) + b"\r\n\r\n", size)
    assert parser.wrong == (431, "the request's head has more than 65,536 bytes")


@pytest.mark.parametrize("size", [1, 10_000])
def test_an_offer_of_another_protocol_is_passed_over(size: int) -> None:
    offer = head("/", 3, Connection="Upgrade", Upgrade="h2c") + b"abc" + head("/next", 0)
    found = fed(RequestParser(), offer, size)
    assert [(each.path, b"".join(each.parts)) for each in found] == [("/", b"abc"), ("/next", b"")]
    assert b"upgrade" not in found[0].headers


def test_a_closed_one_leaves_nothing_to_the_garbage_collector() -> None:
    gc.disable()
    try:
        parser = RequestParser()
        parser.feed(head("/", 0))
        kept = weakref.ref(parser)
        parser.close()
        del parser
        assert kept() is None
    finally:
        gc.enable()


def test_a_head_that_comes_again_gives_the_same_request() -> None:
    parser, sent = RequestParser(), head("/a", 5, x="1") + b"hello"
    (first,) = parser.feed(sent)
    assert parser.known
    again = parser.feed(sent[:-5] + b"other" + sent)
    assert [(each.path, b"".join(each.parts), each.is_whole, each.headers) for each in again] == [
        ("/a", b"other", True, first.headers),
        ("/a", b"hello", True, first.headers),
    ]
    (other,) = parser.feed(sent[:20]) or parser.feed(sent[20:])
    assert b"".join(other.parts) == b"hello"
    assert parser.heads == 4


@pytest.mark.parametrize(
    "sent",
    [
        head("/", 0, Connection="close"),
        head("/", 5, Expect="100-continue") + b"hello",
        head("/", 0) + head("/", 0),
        b"\r\n" + head("/", 0),
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head("/", 0, x="b" * KNOWN_BYTES),
    ],
)
def test_what_is_more_than_a_head_and_its_body_is_not_kept(sent: bytes) -> None:
    parser = RequestParser()
    assert parser.feed(sent)
    assert not parser.known


def test_a_body_that_is_not_here_yet_lends_its_head_to_nobody() -> None:
    parser = RequestParser()
    parser.feed(head("/", 3) + b"abc")
    known = parser.known
    assert len(parser.feed(head("/", 3) + b"abc" + head("/", 9) + b"abc")) == 1
    assert parser.known == known
    assert parser.reading


def test_a_query_stays_where_a_head_comes_again_or_offers_another_protocol() -> None:
    parser, same = RequestParser(), head("/?c=d", 0)
    offer = head("/?c=d", 0, Connection="Upgrade", Upgrade="h2c")
    for sent in (same, same, same * 2, offer):
        assert {request.headers[QUERY] for request in parser.feed(sent)} == {b"c=d"}
    assert not parser.wrong


@pytest.mark.parametrize("headers", [b"a: b\r\n" * (HEADERS + 1), b"a:\r\n" * HEAD_BYTES])
def test_a_head_of_very_many_headers_is_read_no_further(headers: bytes) -> None:
    parser = RequestParser()
    assert not parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
    assert parser.wrong == (431, "the request has more than 200 headers")
    assert (parser.headers, parser.headers_read) == ({}, HEADERS + 1)


def test_all_bytes_of_a_head_count() -> None:
    parser = RequestParser()
    headers = b"".join(b"%d:\r\n" % place + b"x" * 500 + b": y\r\n" for place in range(99))
    assert not parser.feed(b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n")
    assert parser.wrong == (431, "the request's head has more than 65,536 bytes")
    parser = RequestParser()
    assert parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
