"""One HTTP request and its answer, over ASGI: the body within its limits, whether the client is there, the answer."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any, Self

from torchferry.serving.errors import ClientGone, NotDecodable, TooLarge, TooSlow, UnsupportedType
from torchferry.serving.onnx_server.http.uvicorn_protocol import REPLY, Header, Reply
from torchferry.serving.onnx_server.request_context import RequestContext

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
JSON: Header = (b"content-type", b"application/json")
PART = 256 * 1024
"""Bytes that are written at once; the kernel copies them within 0.1 ms."""

WINDOW_BITS = {b"gzip": 31, b"deflate": 15}  # 31: gzip's header; 15: zlib's, which is what HTTP calls deflate


class AsgiRequest:
    __slots__ = ("headers", "is_plain", "method", "path", "receive", "reply", "send")

    def __init__(self, scope: Message, receive: Receive, send: Send, *, is_plain: bool = False) -> None:
        """`is_plain`: nothing but what is given belongs into the answers, and they have their body."""
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        """By name in lower case."""
        self.receive, self.send, self.is_plain = receive, send, is_plain
        # The scope would keep it, it keeps uvicorn's cycle and that keeps the scope: only the garbage collector, which
        # stops all requests for as long as it looks, would free them.
        self.reply: Reply = scope.pop(REPLY)

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    async def body(self, limit: int, seconds: float) -> bytes:
        """All of it, unpacked: at most `limit` bytes, within `seconds`. Raises RequestError, and ClientGone."""
        try:
            announced = int(self.headers.get(b"content-length", b"0"))
        except ValueError as error:
            raise NotDecodable("Content-Length is not a number") from error
        if announced > limit:
            raise _too_large(limit)
        # The usual case, without a timer.
        if self.reply.has_body:
            body = (await self.receive()).get("body", b"")
        else:
            body = await self._arriving_body(limit, seconds)
        if len(body) > limit:
            raise _too_large(limit)
        encoding = self.headers.get(b"content-encoding", b"identity").lower()
        return body if encoding == b"identity" else _unpacked(body, encoding, limit)

    async def _arriving_body(self, limit: int, seconds: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await self.receive()
                    if message["type"] != "http.request":
                        raise ClientGone
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise _too_large(limit)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as error:
            raise TooSlow(f"the body did not arrive within {seconds:g} s") from error

    def watched(self, context: RequestContext) -> Self:
        """`with` it around what the request waits for, which is cancelled if the client goes away; then ClientGone is
        raised."""
        self.reply.gone = context.cancel
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self.reply.gone = None
        if self.reply.cycle.disconnected and isinstance(error, asyncio.CancelledError):
            raise ClientGone from error

    async def answer(self, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
        head = [(b"content-length", b"%d" % len(body)), *headers]
        if self.is_plain and self.reply.is_plain:
            self.reply.write(status, head, body)
            return
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        await self.send({"type": "http.response.body", "body": body})

    async def answer_in_parts(self, status: int, pieces: Sequence[bytes], headers: Iterable[Header] = ()) -> None:
        """As `answer`; a long body is written while the client reads it, and others are served meanwhile."""
        size = sum(map(len, pieces))
        if size <= PART:
            return await self.answer(status, b"".join(pieces), headers)
        head = [(b"content-length", b"%d" % size), *headers]
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        for part in _parts(pieces):
            await self.send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0)
        return await self.send({"type": "http.response.body"})


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces together, as many as PART has room for; a longer one is cut."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece), PART):
            waiting.append(piece[start : start + PART])
            size += len(waiting[-1])
            if size >= PART:
                yield b"".join(waiting)
                waiting, size = [], 0
    yield b"".join(waiting)


def _unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    """At most `limit` bytes are unpacked, whatever the body says."""
    if encoding not in WINDOW_BITS:
        raise UnsupportedType(f"Content-Encoding is {encoding.decode('latin-1')}; gzip, deflate and identity are taken")
    unpacker = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        unpacked = unpacker.decompress(body, limit + 1)  # one more, to tell a body at the limit from one above it
    except zlib.error as error:
        raise NotDecodable(f"the body is not {encoding.decode()}: {error}") from error
    if len(unpacked) > limit:
        raise _too_large(limit)
    if not unpacker.eof:
        raise NotDecodable(f"the body ends before its {encoding.decode()} does")
    return unpacked


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body has more than {limit:,} bytes")
