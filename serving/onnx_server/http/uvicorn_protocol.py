"""uvicorn's HTTP/1.1 with limits that httptools leaves to others: on heads, on silence, on answers to nobody."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

Header = tuple[bytes, bytes]
REPLY = "torchferry.reply"
"""Where a scope has it."""

HEAD_BYTES = 64 * 1024
"""Of a head that comes in pieces."""
HEAD_SECONDS = 30
DETAIL = f"the request's head has more than {HEAD_BYTES:,} bytes"
BODY = json.dumps({"error": f"Request Header Fields Too Large: {DETAIL}", "detail": DETAIL}).encode()
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"

UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class Reply:
    """Where the answer to one request goes, and who is told if there is nobody to answer."""

    __slots__ = ("cycle", "gone")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self.cycle = cycle
        self.gone: Callable[[], None] | None = None

    @property
    def has_body(self) -> bool:
        """Whether the request is here as a whole."""
        return not (self.cycle.more_body or self.cycle.disconnected)

    @property
    def is_plain(self) -> bool:
        """Whether `write` does: the connection stays, and what was written before has gone out."""
        cycle = self.cycle
        return cycle.keep_alive and not (cycle.disconnected or cycle.response_started or cycle.flow.write_paused)

    @property
    def has_begun(self) -> bool:
        """Whether a part of the answer has been written."""
        return self.cycle.response_started

    def write(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        """Head and body at once; uvicorn's `send` writes one after the other, and each is a system call."""
        cycle = self.cycle
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(b"".join(parts))
        cycle.message_event.set()
        cycle.on_response()

    def drop(self) -> None:
        """End the connection within an answer."""
        self.cycle.disconnected = True
        self.cycle.transport.abort()

    def lost(self) -> None:
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.gone:
            self.gone()


class Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.heads = self.head_bytes = 0
        """Heads that have begun, and the bytes so far of the one that has not ended."""
        self.in_head = False
        self.head_timer: asyncio.TimerHandle | None = None
        self.unanswered: list[Reply] = []
        # As after an answer: a connection that sends nothing is closed.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        # Without its first letter, in either case: cheap, since all data goes through it. Bodies are left alone.
        if b"pgrade:" in data and (self.cycle is None or not self.cycle.more_body):
            # curl --http2 and Java's client offer HTTP/2 with their first request, and httptools would drop its body.
            # Such an offer may be ignored (RFC 9110, 7.8).
            head, end, rest = data.partition(b"\r\n\r\n")
            data = UPGRADE.sub(b"\r\nDeclined:", head) + end + rest
        heads = self.heads
        super().data_received(data)
        if self.in_head and not self.transport.is_closing():
            # Where a new head began within this data, its share of it is not known.
            self.head_bytes += len(data) if heads == self.heads else 0
            if self.head_bytes > HEAD_BYTES:
                self.transport.write(TOO_LARGE + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
                self.transport.close()
            elif not self.head_timer:
                self.head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head, self.head_bytes = True, 0
        self.heads += 1

    def on_headers_complete(self) -> None:
        self.in_head = False
        self._stop_timer()
        super().on_headers_complete()
        reply = Reply(self.cycle)
        self.scope[REPLY] = reply  # type: ignore[literal-required]
        # The answered go here, so a kept connection does not hold on to all its requests.
        self.unanswered = [*(other for other in self.unanswered if not other.cycle.response_complete), reply]

    def connection_lost(self, exc: Exception | None) -> None:
        """Of requests that came in a row uvicorn tells only the last one, and the others would write to nobody."""
        for reply in self.unanswered:
            reply.lost()
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self.head_timer:
            self.head_timer.cancel()
            self.head_timer = None
