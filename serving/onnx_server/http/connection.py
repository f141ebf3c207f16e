"""A client's connection over HTTP/1.1: bytes to requests by httptools, and the answers in the order of the requests.

Requests that come in a row are worked on together, IN_ROW of them; those of their answers that are ready together go
out in one write. What a request may not have, and how long each part may take, is decided here.
"""

import asyncio
import http
import json
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httptools

from torchferry.serving.errors import ClientGone, NotDecodable
from torchferry.serving.onnx_server.http.clock import date
from torchferry.serving.onnx_server.http.request import JSON, Header, HttpRequest

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30
IDLE_SECONDS = 75
"""More than the 60 s of most load balancers: whoever keeps the connection longer must not be the one who closes it."""
UNREAD_SECONDS = 30
"""For a body that nobody wants any more, and for answers that the client does not read."""
IN_ROW = 16
PART = 256 * 1024
"""Bytes that are written at once, which takes 0.1 ms; others are served between two parts of a long answer."""
PHRASES = {status.value: status.phrase for status in http.HTTPStatus} | {499: "Client Closed Request"}
STATUS = {status: f"HTTP/1.1 {status} {phrase}\r\n".encode() for status, phrase in PHRASES.items()}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD_TOO_LARGE = f"the request's head has more than {HEAD_BYTES:,} bytes"

Application = Callable[[HttpRequest], Coroutine[Any, Any, None] | None]
"""Begins to answer a request, in a coroutine where that takes long. It answers its own faults."""


@dataclass
class Port:
    """What all connections of a port share."""

    application: Application
    headers: tuple[Header, ...] = ()
    """Of every answer."""
    drains: Callable[[], bool] = lambda: False
    """Whether each connection ends with its next answer."""
    connections: "set[Connection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Connection(asyncio.Protocol):
    def __init__(self, port: Port) -> None:
        self.port, self.loop = port, asyncio.get_running_loop()
        self.parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self.order: deque[HttpRequest] = deque()
        """Begun and not written yet."""
        self.parked: deque[HttpRequest] = deque()
        """Not begun, since too many are."""
        self.reading: HttpRequest | None = None
        """Whose body arrives."""
        self.arrived: list[HttpRequest] = []
        """Whole by what was read just now."""
        self.unsent: deque[bytes] = deque()
        """Of long answers."""
        self.in_head = self.is_closing = self.is_full = self.is_paused = self.flushes = self.sends = False
        self.in_rows = self.hears_more = False
        """Whether requests have come in a row, and whether more may come as the connection closes."""
        self.steps = self.head_bytes = self.open_bytes = 0
        """Heads and parts of bodies so far; names and values of the last head; bytes since the last step."""
        self.left = 0
        """Bytes that the client had not taken when the clock last looked."""
        self.wrong: tuple[int, str] | None = None
        """Status and words for what cannot be read further."""
        self.refusal: HttpRequest | None = None
        """Stands in the row for what is wrong."""
        self.since = self.loop.time()
        """When the connection began to wait for what it waits for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.port.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self.is_closing or self.wrong:
            return
        steps = self.steps
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self.wrong = self.wrong or (400, f"the request is not HTTP/1.1: {' '.join(str(error).split())}"[:200])
        if (self.in_head or self.reading) and steps == self.steps:
            self.open_bytes += len(data)  # httptools keeps a line that does not end, and tells nobody
            if self.open_bytes > HEAD_BYTES:
                self.wrong = (431, HEAD_TOO_LARGE)
        self._begin_arrived()
        if self.wrong:
            self._refuse(self.wrong[1])

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
        self.since = self.loop.time()
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.hosts = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        self.head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:  # behind a body in chunks: nobody needs those
            return
        name = name.lower()
        self.hosts += name == b"host"
        before = self.headers.get(name)
        self.headers[name] = value if before is None else before + b", " + value  # RFC 9110, 5.3
        self.head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        assert self.parser
        self.in_head, self.open_bytes = False, 0
        self.steps += 1
        version = self.parser.get_http_version()
        is_last = version != "1.1" or not self.parser.should_keep_alive()
        method = self.parser.get_method().decode("latin-1")
        if self.head_bytes > HEAD_BYTES:
            self.wrong = self.wrong or (431, HEAD_TOO_LARGE)
        elif method == "CONNECT":
            self.wrong = self.wrong or (400, "the request asks for another protocol than HTTP/1.1")
        elif self.headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            self.wrong = self.wrong or (501, "Transfer-Encoding is something else than chunked")
        elif version == "1.1" and self.hosts != 1:
            self.wrong = self.wrong or (400, f"the request has {self.hosts} Host headers; it needs one")
        if version == "1.0":
            self.headers.pop(b"expect", None)  # RFC 9110, 10.1.1
        if not (self.wrong or self.parser.should_upgrade()):
            self.reading = HttpRequest(self, method, _path(self.url), self.headers, is_last=is_last)

    def on_body(self, body: bytes) -> None:
        self.steps, self.open_bytes = self.steps + 1, 0
        if self.reading:
            self.reading.add(body)

    def on_message_complete(self) -> None:
        if request := self.reading:
            request.is_whole, self.reading = True, None
            self.arrived.append(request)

    # From requests to answers.

    def _begin_arrived(self) -> None:
        arrived, self.arrived = self.arrived, []
        for request in (*arrived, *([self.reading] if self.reading else [])):
            if request.begun:
                request.arrived()
            else:
                request.begun = True
                self.parked.append(request)
        self._begin_parked()

    def _begin_parked(self) -> None:
        """Nothing comes behind a request that is the connection's last."""
        while self.parked and self._has_room():
            request = self.parked.popleft()
            self.order.append(request)
            self._begin(request)
        if bool(self.parked or self.is_full or self.unsent) != self.is_paused and not self.is_closing:
            self.is_paused = not self.is_paused
            (self.transport.pause_reading if self.is_paused else self.transport.resume_reading)()

    def _begin(self, request: HttpRequest) -> None:
        if request is self.refusal and self.wrong:
            status, detail = self.wrong
            content = {"error": f"{PHRASES[status]}: {detail}", "detail": detail}
            request.answer(status, json.dumps(content).encode(), [JSON])
        elif coroutine := self.port.application(request):
            task = self.loop.create_task(coroutine)
            self.port.tasks.add(task)
            task.add_done_callback(self.port.tasks.discard)

    def _has_room(self) -> bool:
        """Nothing joins a row that ends with a long request, or a client that reads no answers could fill the memory
        with them; nor one of a port that drains, where its last answer ends the connection."""
        if self.is_closing or self.is_full or self.unsent or len(self.order) >= IN_ROW:
            return False
        if not self.order:
            return True
        last = self.order[-1]
        return not (last.is_last or last.size > PART or self.port.drains())

    def ask_for_body(self, request: HttpRequest) -> None:
        """A client that waits to be asked for it is, once it has the answers before."""
        if request.wants_continue and not request.size and self.order and self.order[0] is request:
            request.wants_continue = False
            self._write([CONTINUE])

    def answer(self, request: HttpRequest, status: int, body: Sequence[bytes], headers: Iterable[Header]) -> None:
        """It goes out when those before it have."""
        if self.is_closing:
            return
        if request.wants_continue and not (request.size or request.is_whole):
            request.is_last = True  # only its client knows whether the body comes nevertheless
        if request is self.order[-1] and self.port.drains():
            request.is_last = True
        request.written = _answer(request, status, body, (*self.port.headers, *headers))
        if len(self.order) == 1 and not self.parked:
            self._flush()
            return
        self.in_rows = True
        if not self.flushes:
            self.loop.call_soon(self._flush)  # others may be ready by then, and those in a row would nest
            self.flushes = True

    def _flush(self) -> None:
        self.flushes = False
        parts: list[bytes] = []
        is_last = False
        while self.order and self.order[0].answered and not is_last:
            request = self.order.popleft()
            parts += request.written
            is_last = request.is_last
            if not (request.is_whole or is_last):
                request.timer = self.loop.call_later(UNREAD_SECONDS, self._close)
        if parts and not self.is_closing:
            self._write(parts)
            self.since = self.loop.time()
        if is_last:
            self._close()
        elif self.order and self.order[0].then:
            self.ask_for_body(self.order[0])
        self._begin_parked()

    def _write(self, parts: list[bytes]) -> None:
        if self.unsent or sum(map(len, parts)) > PART:
            self.unsent += parts
            self._send_soon()
        else:
            self.transport.write(b"".join(parts))

    def _send_soon(self) -> None:
        if self.unsent and not (self.sends or self.is_full):
            self.loop.call_soon(self._send)
            self.sends = True

    def _send(self) -> None:
        """The next part of a long answer; while its client reads nothing the others wait."""
        self.sends, size = False, 0
        parts: list[bytes] = []
        while self.unsent and size < PART and not self.is_full:
            parts.append(self.unsent.popleft())
            size += len(parts[-1])
        if parts:
            self.transport.write(b"".join(parts))
            self.since = self.loop.time()
        self._send_soon()
        if not self.unsent:
            self._begin_parked()
            if self.is_closing:
                self._close()

    def _refuse(self, detail: str) -> None:
        """What cannot be read further is answered behind what was asked before, and ends the connection."""
        if request := self.reading:  # its body is what cannot be read
            self.reading, request.is_last = None, True
            if request.answered and request not in self.order:
                self._close()
            return request.break_off(NotDecodable(detail))
        self.refusal = request = HttpRequest(self, "GET", "", {}, is_last=True)
        request.begun = request.is_whole = True
        self.parked.append(request)
        return self._begin_parked()

    # The connection's own life.

    def pause_writing(self) -> None:
        self.is_full, self.since = True, self.loop.time()
        self._begin_parked()

    def resume_writing(self) -> None:
        self.is_full = False
        self._send_soon()
        self._begin_parked()

    def look_at_clock(self, now: float) -> None:
        """Close what waits for too long; a port asks it of its connections once a second."""
        if self.is_full or self.is_closing:
            before, self.left = self.left, self.transport.get_write_buffer_size()
            if self.left < before:  # it reads, if slowly
                self.since = now
        waited, in_head = now - self.since, self.in_head and not self.is_paused
        if (self.is_full or self.is_closing) and waited > UNREAD_SECONDS:
            self.transport.abort()
        elif (in_head and waited > HEAD_SECONDS) or (self._is_idle() and waited > IDLE_SECONDS):
            self._close()

    def end_when_idle(self) -> None:
        if not (self.order or self.parked or self.reading):
            self._close()

    def end(self, error: BaseException) -> None:
        """Now: what has no answer yet ends with the error."""
        self.parked.clear()
        for request in (*self.order,):
            request.lose(error)
        self._flush()
        self.unsent.clear()
        self.is_closing = True
        self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_closing = True
        self.port.connections.discard(self)
        for request in (*self.order, *self.parked, *([self.reading] if self.reading else [])):
            request.lose(ClientGone())
        self.order.clear()
        self.parked.clear()
        self.unsent.clear()
        self.reading = self.refusal = None
        self.parser = None  # it knows its protocol, and only the garbage collector would see that

    def _is_idle(self) -> bool:
        return not (self.order or self.parked or self.reading or self.in_head or self.unsent)

    def _close(self) -> None:
        """Behind what is to be sent. A client that still sends would be told of a reset and lose its answer: what it
        sends is passed over until it has closed too, or for UNREAD_SECONDS."""
        if not self.is_closing:
            self.is_closing, self.since = True, self.loop.time()
            self.hears_more = bool(self.reading or self.parked or self.wrong or self.in_rows)
        if self.unsent:
            return
        if not self.hears_more:
            self.transport.close()
            return
        if self.is_paused:
            self.is_paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()


def _path(url: bytes) -> str:
    """Of the request's target, unquoted; the whole of one that is no URL, where nothing is."""
    try:
        path = httptools.parse_url(url).path or b"/"
    except httptools.HttpParserInvalidURLError:
        path = url
    return unquote(path.decode("latin-1"))


def _answer(request: HttpRequest, status: int, body: Sequence[bytes], headers: Iterable[Header]) -> list[bytes]:
    parts = [STATUS[status], date()]
    if status != http.HTTPStatus.NO_CONTENT:
        parts.append(b"content-length: %d\r\n" % sum(map(len, body)))
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    if request.is_last:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if request.method != "HEAD":
        parts += body
    return parts
