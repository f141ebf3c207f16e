"""A client's connection over HTTP/1.1: requests are begun as they come, and answered in their order.

Requests that come in a row are worked on together, IN_ROW of them; those of their answers that are ready together go
out in one write. How long each part may take is decided here.
"""

import asyncio
import http
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torchferry.serving.errors import ClientGone, NotDecodable
from torchferry.serving.net.clients import HEADER, Clients, Peer
from torchferry.serving.onnx_server.http.clock import date
from torchferry.serving.onnx_server.http.errors import STATUS as REFUSALS
from torchferry.serving.onnx_server.http.errors import say
from torchferry.serving.onnx_server.http.request import Header, HttpRequest
from torchferry.serving.onnx_server.http.request_parser import RequestParser
from torchferry.serving.onnx_server.intake import Intake
from torchferry.serving.onnx_server.shares import Shares

HEAD_SECONDS = 30
IDLE_SECONDS = 75
"""More than the 60 s of most load balancers: whoever keeps the connection longer must not be the one who closes it."""
FIRST_SECONDS = 2
"""For the first request of a connection, where the port ends."""
UNREAD_SECONDS = 30
"""For a body that nobody wants any more, and for answers that the client does not read."""
LINGER_BYTES = 64 * 2**20
"""That are passed over, in UNREAD_SECONDS at the most, so that a client which sends on gets to read its answer."""
IN_ROW = 16
PART = 256 * 1024
"""Bytes that are written at once, which takes 0.1 ms; others are served between two parts of a long answer."""
PHRASES = {status.value: status.phrase for status in http.HTTPStatus} | dict(REFUSALS.values())
STATUS = {status: f"HTTP/1.1 {status} {phrase}\r\n".encode() for status, phrase in PHRASES.items()}
FORWARDED = HEADER.encode()
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

CONNECTIONS, CLIENT_CONNECTIONS = 512, 128
"""Where nobody says otherwise: at a time, and of one client."""

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
    intake: Intake = field(default_factory=Intake)
    clients: Clients = field(default_factory=Clients)
    room: Shares = field(default_factory=lambda: Shares(CONNECTIONS, CLIENT_CONNECTIONS))
    """For connections."""
    refused: Callable[[], None] = lambda: None
    """Told of each connection for which there is none."""
    connections: "set[Connection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Connection(asyncio.Protocol):
    def __init__(self, port: Port, peer: Peer) -> None:
        """It has a place in the port's room, which it gives back as it ends."""
        self.port, self.peer, self.loop = port, peer, asyncio.get_running_loop()
        self.parser = RequestParser()
        self.order: deque[HttpRequest] = deque()
        """Begun and not written yet."""
        self.parked: deque[HttpRequest] = deque()
        """Not begun, since too many are."""
        self.unsent: deque[bytes] = deque()
        """Of long answers."""
        self.is_made = self.is_closing = self.is_full = self.is_paused = self.flushes = self.sends = False
        self.in_rows = self.hears_more = False
        """Whether requests have come in a row, and whether more may come as the connection closes."""
        self.passed_over = 0
        """Bytes that came after the last request."""
        self.left = 0
        """Bytes that the client had not taken when the clock last looked."""
        self.refusal: HttpRequest | None = None
        """Stands in the row for what is wrong."""
        self.since = self.loop.time()
        """When the connection began to wait for what it waits for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.is_made = True
        self.port.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self.is_closing or self.parser.wrong:
            self._pass_over(data)
            return
        heads = self.parser.heads
        arrived = self.parser.feed(data)
        if self.parser.heads != heads:
            self.since = self.loop.time()
        self._begin_arrived(arrived)
        if self.parser.wrong:
            self._refuse(self.parser.wrong[1])

    # From requests to answers.

    def _begin_arrived(self, arrived: list[HttpRequest]) -> None:
        """And the one whose body arrives."""
        if self.parser.reading:
            arrived.append(self.parser.reading)
        for request in arrived:
            if request.begun:
                request.arrived()
            else:
                request.begun, request.connection, request.client = True, self, self.peer.name
                if self.peer.is_proxy:
                    request.client = self.peer.client(request.header(FORWARDED))
                self.parked.append(request)
        self._begin_parked()

    def _begin_parked(self) -> None:
        """Nothing comes behind a request that is the connection's last."""
        while self.parked and self._has_room():
            request = self.parked.popleft()
            self.order.append(request)
            self._begin(request)
        if self.parked or self.is_full or self.unsent or self.is_paused:
            self._pause_or_resume()

    def _pause_or_resume(self) -> None:
        """Nothing is read that cannot be begun."""
        if bool(self.parked or self.is_full or self.unsent) != self.is_paused and not self.is_closing:
            self.is_paused = not self.is_paused
            (self.transport.pause_reading if self.is_paused else self.transport.resume_reading)()

    def _begin(self, request: HttpRequest) -> None:
        if request is self.refusal and self.parser.wrong:
            status, detail = self.parser.wrong
            say(request, status, PHRASES[status], detail)
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
        # What is left of a body that nobody wants is not waited for: a refused client must not keep its connection.
        if not request.is_whole or (request is self.order[-1] and self.port.drains()):
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
        if request := self.parser.reading:  # its body is what cannot be read
            self.parser.reading, request.is_last = None, True
            if request.answered and request not in self.order:
                self._close()
            return request.break_off(NotDecodable(detail))
        self.refusal = request = HttpRequest("GET", "", {}, is_last=True)
        request.connection, request.begun, request.is_whole = self, True, True
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
        waited, in_head = now - self.since, self.parser.in_head and not self.is_paused
        if (self.is_full or self.is_closing) and waited > UNREAD_SECONDS:
            self.transport.abort()
        elif (in_head and waited > HEAD_SECONDS) or (self._is_idle() and waited > IDLE_SECONDS):
            self._close()

    def end_when_idle(self) -> None:
        """A client that has only just connected is about to send its first request."""
        is_new = not self.parser.heads and self.loop.time() - self.since < FIRST_SECONDS
        if not (self.order or self.parked or self.parser.reading or is_new):
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
        self.port.room.give_back(self.peer.share)
        for request in (*self.order, *self.parked, *([self.parser.reading] if self.parser.reading else [])):
            request.lose(ClientGone())
        self.order.clear()
        self.parked.clear()
        self.unsent.clear()
        self.refusal = None
        self.parser.close()

    def _pass_over(self, data: bytes) -> None:
        self.passed_over += len(data)
        if self.passed_over > LINGER_BYTES:
            self.transport.abort()

    def _is_idle(self) -> bool:
        return not (self.order or self.parked or self.parser.reading or self.parser.in_head or self.unsent)

    def _close(self) -> None:
        """Behind what is to be sent. A client that still sends would be told of a reset and lose its answer: what it
        sends is passed over until it has closed too, or for UNREAD_SECONDS."""
        if not self.is_closing:
            self.is_closing, self.since = True, self.loop.time()
            self.hears_more = bool(self.parser.reading or self.parked or self.parser.wrong or self.in_rows)
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


def _answer(request: HttpRequest, status: int, body: Sequence[bytes], headers: Iterable[Header]) -> list[bytes]:
    """Its bytes: in one piece, or the head and the pieces of a long body."""
    size = len(body[0]) if len(body) == 1 else sum(map(len, body))
    head = [STATUS[status], date()]
    if status != http.HTTPStatus.NO_CONTENT:
        head.append(b"content-length: %d\r\n" % size)
    head += [b"%b: %b\r\n" % header for header in headers]
    head.append(b"connection: close\r\n\r\n" if request.is_last else b"\r\n")
    if request.method == "HEAD":
        body, size = (), 0
    return [b"".join((*head, *body))] if size <= PART else [b"".join(head), *body]
