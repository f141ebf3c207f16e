"""Reads requests from bytes by httptools, with what that leaves to others: bounds, and heads that mean two things."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

import httptools

from torchferry.serving.onnx_server.http.request import QUERY, HttpRequest

HEAD_BYTES = 64 * 1024
HEADERS = 200
"""Of a request."""
KNOWN_BYTES = 4096
"""Of a head that is kept."""
KNOWN_NOT = {b"transfer-encoding", b"upgrade", b"expect"}
HEAD_TOO_LARGE = f"the request's head has more than {HEAD_BYTES:,} bytes"
TOO_MANY_HEADERS = f"the request has more than {HEADERS} headers"


class HeadTooLarge(Exception):
    """It is read no further."""


class Known(NamedTuple):
    """A head that was read, of a request whose body has a length: from the same bytes comes the same request."""

    text: bytes
    end: int
    """Of the request, in bytes from its start."""
    method: str
    path: str
    headers: Mapping[bytes, bytes]


class RequestParser:
    """Of one connection. Once something is `wrong` nothing more can be read."""

    def __init__(self) -> None:
        self.parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self.known: Known | None = None
        """The head before: most clients send it again."""
        self.reading: HttpRequest | None = None
        """Whose body arrives."""
        self.arrived: list[HttpRequest] = []
        """Whole by what was read just now."""
        self.in_head = False
        self.heads = 0
        """That have begun."""
        self.steps = self.head_bytes = self.open_bytes = 0
        """Heads and parts of bodies so far; bytes of the last head; bytes since the last step."""
        self.wrong: tuple[int, str] | None = None
        """Status and words for what cannot be read further."""

    def feed(self, data: bytes) -> list[HttpRequest]:
        """Those that are whole by now."""
        steps = self.steps
        is_between = not (self.in_head or self.reading)
        if is_between and self.known:
            data = self._read_known(data, self.known)
        known = len(self.arrived)
        try:
            if data:
                self._parse(data)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, HeadTooLarge):
                self.headers.clear()  # they would be kept until the client has gone
                self._is_wrong(431, str(error.__context__))
            else:
                self._is_wrong(400, f"the request is not HTTP/1.1: {' '.join(str(error).split())}"[:200])
        if (self.in_head or self.reading) and steps == self.steps:
            self.open_bytes += len(data)  # httptools keeps a line that does not end, and tells nobody
            if self.open_bytes > HEAD_BYTES:
                self.wrong = (431, HEAD_TOO_LARGE)
        arrived, self.arrived = self.arrived, []
        if is_between and len(arrived) == known + 1 and not (self.in_head or self.reading or self.wrong):
            self.known = _known(data, arrived[-1]) or self.known
        return arrived

    def close(self) -> None:
        """httptools knows whom it calls, and only the garbage collector would see that."""
        self.parser = self.reading = None

    def _is_wrong(self, status: int, detail: str) -> None:
        """The first fault counts."""
        self.wrong = self.wrong or (status, detail)

    def _read_known(self, data: bytes, known: Known) -> bytes:
        """What is left behind the requests that begin as the one before did and are whole."""
        while len(data) >= known.end and data.startswith(known.text):
            request = HttpRequest(known.method, known.path, known.headers, is_last=False)
            request.is_whole = True
            if known.end > len(known.text):
                request.add(data[len(known.text) : known.end])
            self.heads += 1
            self.arrived.append(request)
            data = data[known.end :]
        return data

    def _parse(self, data: bytes) -> None:
        """Behind an offer of another protocol httptools would drop the body. curl --http2 and Java's client make one
        with their first request; it may be ignored (RFC 9110, 7.8), so that the head is read again without it."""
        while data:
            assert self.parser
            try:
                return self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as error:
                if self.wrong:
                    return None
                head = self._head_without_offer()
                self.parser = httptools.HttpRequestParser(self)
                data = head + data[error.args[0] :]
        return None

    def _head_without_offer(self) -> bytes:
        assert self.parser
        lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
        lines += [b"%s: %s" % header for header in self.headers.items() if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    # What httptools calls.

    def on_message_begin(self) -> None:
        self.in_head, self.head_bytes, self.open_bytes = True, 0, 0
        self.steps += 1
        self.heads += 1
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.hosts = self.headers_read = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:  # behind a body in chunks: nobody needs those
            return
        self.headers_read += 1
        if self.headers_read > HEADERS:
            raise HeadTooLarge(TOO_MANY_HEADERS)
        self._count_head(len(name) + len(value) + len(b": \r\n"))
        name = name.lower()
        self.hosts += name == b"host"
        before = self.headers.get(name)
        self.headers[name] = value if before is None else before + b", " + value  # RFC 9110, 5.3

    def _count_head(self, size: int) -> None:
        self.head_bytes += size
        if self.head_bytes > HEAD_BYTES:
            raise HeadTooLarge(HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        assert self.parser
        self.in_head, self.open_bytes = False, 0
        self.steps += 1
        version = self.parser.get_http_version()
        is_last = version != "1.1" or not self.parser.should_keep_alive()
        method = self.parser.get_method().decode("latin-1")
        if method == "CONNECT":
            self._is_wrong(400, "the request asks for another protocol than HTTP/1.1")
        elif self.headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            self._is_wrong(501, "Transfer-Encoding is something else than chunked")
        elif self.hosts != 1 and (self.hosts or version == "1.1"):
            self._is_wrong(400, f"the request has {self.hosts} Host headers; it needs one")
        if version == "1.0":
            self.headers.pop(b"expect", None)  # RFC 9110, 10.1.1
        if not (self.wrong or self.parser.should_upgrade()):
            if b"?" in self.url:
                self.headers[QUERY] = self.url.partition(b"?")[2]
            self.reading = HttpRequest(method, _path(self.url), self.headers, is_last=is_last)

    def on_body(self, body: bytes) -> None:
        self.steps, self.open_bytes = self.steps + 1, 0
        if self.reading:
            self.reading.add(body)

    def on_message_complete(self) -> None:
        if request := self.reading:
            request.is_whole, self.reading = True, None
            self.arrived.append(request)


def _known(data: bytes, request: HttpRequest) -> Known | None:
    """The head in `data`, where that is one request alone, and one that ends no connection."""
    text = data[: len(data) - request.size]
    if (
        request.is_last
        or len(text) > KNOWN_BYTES
        or not KNOWN_NOT.isdisjoint(request.headers)
        or request.headers.get(b"content-length", b"0") != b"%d" % request.size
        # Nothing but a head: it begins with its method, and its only empty line is its end.
        or not (text.startswith(request.method.encode()) and text.find(b"\r\n\r\n") == len(text) - 4)
        or not text.count(b"\r") == text.count(b"\n") == text.count(b"\r\n")
    ):
        return None
    return Known(text, len(data), request.method, request.path, request.headers)


def _path(url: bytes) -> str:
    """Of the request's target, unquoted; the whole of one that is no URL, where nothing is."""
    try:
        path = httptools.parse_url(url).path or b"/"
    except httptools.HttpParserInvalidURLError:
        path = url
    return unquote(path.decode("latin-1"))
