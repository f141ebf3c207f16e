"""One HTTP request and its answer: the body as it arrives within its limits, and who is told if the client goes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from torchferry.serving.errors import ClientGone, Overloaded, RequestError, TooLarge, TooSlow
from torchferry.serving.onnx_server.request_context import LONGEST_ID

if TYPE_CHECKING:
    from torchferry.serving.onnx_server.http.connection import Connection

Header = tuple[bytes, bytes]
Then = Callable[[bytes | RequestError], None]
QUERY = b":query"
"""What stands behind ? in the target, among the headers; no header's own name begins with a colon."""
REQUEST_ID = b"x-request-id"
"""What a client calls its request."""
JSON: Header = (b"content-type", b"application/json")
SMALL = 1024
"""Bytes of a part below which it is put to the one before: of chunks of two bytes each object has 35."""


class HttpRequest:
    """Everything happens in the event loop's thread. It is answered once; a second answer goes nowhere."""

    begun = is_whole = answered = False
    broken: RequestError | None = None
    """Why the body will never be whole."""
    size = limit = 0
    held = 0
    """Bytes that stay counted while whoever waits for the body is told."""
    counted: int | None = None
    """Bytes that are counted as on their way; None once they are not, or if they never were."""
    client = ""
    """Whose it is, for shares; from when it has begun."""
    written: Sequence[bytes] = ()
    """The answer's bytes, until those of the requests before it have gone out."""
    then: Then | None = None
    timer: asyncio.TimerHandle | None = None
    gone: Callable[[BaseException], None] | None = None
    """Told if there is nobody to answer any more."""

    def __init__(self, method: str, path: str, headers: Mapping[bytes, bytes], *, is_last: bool) -> None:
        self.connection: Connection
        """That it is answered on; from when it has begun."""
        self.method, self.path = method, path
        self.headers = headers
        """By name in lower case."""
        self.is_last = is_last
        """Whether the connection ends with its answer."""
        self.wants_continue = b"expect" in headers and headers[b"expect"].lower() == b"100-continue"
        self.parts: list[bytes | bytearray] = []

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def id(self) -> str:
        """X-Request-Id; empty where there is none."""
        return self.headers[REQUEST_ID][:LONGEST_ID].decode("latin-1") if REQUEST_ID in self.headers else ""

    def take_body(self, limit: int, seconds: float, then: Then) -> None:
        """`then(body)` once it is here, as it was sent, or with the RequestError that it ends with: at most `limit`
        bytes are taken, and they come within `seconds`."""
        self.then, self.limit = then, limit
        if self.broken:
            self._tell(self.broken)
        elif self.size > limit or (not self.is_whole and self._length() > limit):
            self._tell(too_large(limit))
        elif self.is_whole:
            self.then = None
            then(self._joined())
        else:
            text = f"the body did not arrive within {seconds:g} s"
            self.timer = self.connection.loop.call_later(seconds, lambda: self._tell(TooSlow(text)))
            self._count()
            self.connection.ask_for_body(self)

    async def body(self, limit: int, seconds: float) -> bytes:
        """The same for a coroutine. Raises RequestError."""
        here: asyncio.Future[bytes | RequestError] = self.connection.loop.create_future()
        self.take_body(limit, seconds, lambda found: None if here.done() else here.set_result(found))
        found = await here
        if isinstance(found, RequestError):
            raise found
        return found

    def _length(self) -> int:
        """Of the body, as the head says it."""
        # The parser takes digits alone, but as many zeros as are sent, and int() takes no more than 4300.
        return int(self.headers.get(b"content-length", b"").lstrip(b"0") or 0)

    def add(self, part: bytes) -> None:
        """More of the body; nobody wants it once there is an answer."""
        if self.answered:
            return
        self.size += len(part)
        if len(part) >= SMALL or not self.parts:
            self.parts.append(part)
            return
        if not isinstance(self.parts[-1], bytearray):
            self.parts.append(bytearray())
        self.parts[-1] += part

    def arrived(self) -> None:
        """Look at what `add` has brought."""
        if self.then and self.size > self.limit:
            self._tell(too_large(self.limit))
        elif self.then and self.is_whole:
            self._tell(self._joined())
        elif self.then:
            self._count()

    def _joined(self) -> bytes:
        """The body, which is then held once."""
        body, self.parts = b"".join(self.parts), []
        return body

    def _count(self) -> None:
        """Among the bodies that are on their way; or it ends, where there are too many."""
        intake = self.connection.port.intake
        try:
            if self.counted is None:
                intake.enter(self.client)
                self.counted = 0
            if grown := self.size - self.counted:
                intake.hold(self.client, grown)
                self.counted = self.size
        except Overloaded as error:
            self._tell(error)

    def break_off(self, error: RequestError) -> None:
        """No more of the body can be read."""
        self.broken = error
        self._tell(error)

    def lose(self, error: BaseException) -> None:
        """There is nobody to answer, or no time."""
        if self.gone:
            gone, self.gone = self.gone, None
            gone(error)
        self._tell(error if isinstance(error, RequestError) else ClientGone())

    def answer(self, status: int, body: bytes | Sequence[bytes], headers: Iterable[Header] = ()) -> None:
        """`body` may come in pieces, so that a long one is never put together."""
        if self.answered:
            return
        if (sent := self.id) and sent.isprintable():  # a header has no room for the others
            headers = (*headers, (REQUEST_ID, sent.encode("latin-1")))
        self.answered, self.gone = True, None
        self.parts.clear()
        pieces = (body,) if isinstance(body, bytes) else body
        self.connection.answer(self, status, pieces, headers)

    def _tell(self, found: bytes | RequestError) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
        then, self.then = self.then, None
        counted, self.counted = self.counted, None
        if counted is not None:
            self.connection.port.intake.leave(self.client)
        self.held = counted or 0
        try:
            if then:
                then(found)
        finally:
            if left := self.keep():
                self.connection.port.intake.release(self.client, left)

    def keep(self) -> int:
        """The bytes of the body that are counted as on their way: whoever is given it goes on counting them."""
        held, self.held = self.held, 0
        return held


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body has more than {limit:,} bytes")
