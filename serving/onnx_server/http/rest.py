"""The server over HTTP: an ASGI application that finds the call behind a path and translates for the data plane."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from serving.access import Access
from serving.errors import DeadlinePassed, InferenceFailed, NotDecodable, RequestError
from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.http import oip_json
from serving.onnx_server.http.about import About
from serving.onnx_server.http.exchange import JSON, Exchange, Header, Message, Receive, Send
from serving.onnx_server.http.refusals import refuse, say
from serving.onnx_server.http.routes import OPEN, route
from serving.onnx_server.http.upload import upload
from serving.onnx_server.http.visit_headers import identify, said
from serving.onnx_server.models.model import Model
from serving.request import Request, read_request
from serving.request import answer as answer_text

RAW: Header = (b"content-type", b"application/octet-stream")
LENGTH = b"inference-header-content-length"
LARGE = 64 * 1024
"""Bodies above are read in a thread, so that they do not hold up the others."""
ALSO = {"GET": ("HEAD",), "predict": ("PUT",)}
"""Other methods that mean the same, of a method or of one call; `curl -T` sends a file with PUT."""

EXPOSED = b"Inference-Header-Content-Length, Retry-After, Server-Timing, X-Request-Id, traceparent"
"""What pages of another origin may read of an answer, beside what they always may."""

Call = Callable[[Exchange, str, str], Awaitable[None]]


class Rest:
    def __init__(self, plane: DataPlane, access: Access) -> None:
        self.plane, self.access = plane, access
        self.about = About(plane)
        self.origin = plane.settings.cors_origin.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        dressed = self._with_headers(send)
        exchange = Exchange(scope, receive, dressed, is_plain=dressed is send and scope["method"] == "POST")
        try:
            method, name, model, version = route(exchange.path)
            if exchange.method == "OPTIONS" and self.origin:
                return await self._preflight(exchange, (method, *ALSO.get(name, ALSO.get(method, ()))))
            if not name:
                return await say(exchange, 404, "Not Found", f"there is nothing at {exchange.path[:200]}")
            taken = (method, *ALSO.get(name, ALSO.get(method, ())))
            if exchange.method not in taken:
                text = f"{exchange.path[:200]} takes {' and '.join(taken)}"
                return await say(exchange, 405, "Method Not Allowed", text, [(b"allow", ", ".join(taken).encode())])
            if name not in OPEN:
                self.access.check(exchange.header(b"authorization"))
            await self._call(name)(exchange, model, version)
        except (RequestError, DeadlinePassed, InferenceFailed) as error:
            await refuse(exchange, error)
        except asyncio.CancelledError:  # of those whose client is there, only at the end of --drain-timeout
            await say(exchange, 503, "Service Unavailable", "the server ended before the request was answered")
        except Exception as error:
            await say(exchange, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}")
            raise
        return None

    async def infer(self, exchange: Exchange, name: str, version: str) -> None:
        plane = self.plane
        with plane.visit("rest") as visit:
            model = plane.find(visit, name, version)
            with model.admission:
                identify(visit, exchange, plane)
                body = await exchange.body(plane.settings.max_body_bytes, plane.settings.body_timeout)
                length = _header_length(exchange)
                started = time.monotonic()
                if len(body) > LARGE and (length is None or length > LARGE):
                    asked = await plane.in_thread(oip_json.read, body, length, model, visit=visit)
                else:
                    asked = oip_json.read(body, length, model)
                    visit.decode = time.monotonic() - started
                visit.request_id = visit.request_id or asked.id[:128]
                with exchange.watched(visit):
                    outputs = await plane.infer(model, asked, visit)
                started = time.monotonic()
                answer, json_length = oip_json.write(asked, outputs, model)
                visit.encode = time.monotonic() - started
                headers = [JSON] if json_length is None else [RAW, (LENGTH, b"%d" % json_length)]
                await exchange.answer(200, answer, [*headers, *said(visit)])

    async def predict(self, exchange: Exchange, name: str, version: str) -> None:
        """TorchServe's call: files in, labels out; clients need not change when they move."""
        plane = self.plane
        with plane.visit("predictions") as visit:
            model = plane.find(visit, name, version)
            with model.admission:
                identify(visit, exchange, plane)
                body = await exchange.body(plane.settings.max_body_bytes, plane.settings.body_timeout)
                with exchange.watched(visit):
                    asked = await plane.in_thread(_read_upload, body, exchange, model, visit=visit)
                    outputs = await plane.run(model, asked.inputs, visit)
                started = time.monotonic()
                answer = answer_text(asked, outputs, model.bundle, model.name).encode()
                visit.encode = time.monotonic() - started
                await exchange.answer(200, answer, [JSON, *said(visit)])

    def _call(self, name: str) -> Call:
        call: Call = getattr(self if name in ("infer", "predict") else self.about, name)
        return call

    async def _preflight(self, exchange: Exchange, methods: Sequence[str]) -> None:
        # The star does not stand for Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name).
        allowed = [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", b"*, Authorization"),
        ]
        await exchange.answer(204, b"", allowed)

    def _with_headers(self, send: Send) -> Send:
        """`send`, with what belongs to every answer; the hot path has none of it."""
        headers: list[Header] = []
        if self.origin:
            headers.append((b"access-control-allow-origin", self.origin))
            headers.append((b"access-control-expose-headers", EXPOSED))
        if self.plane.draining:
            headers.append((b"connection", b"close"))  # so that the client opens its next one elsewhere
        if not headers:
            return send

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        return sending


def _read_upload(body: bytes, exchange: Exchange, model: Model) -> Request:
    """In a thread: a form may have as many parts as fit into its bytes."""
    return read_request(upload(body, exchange.header(b"content-type")), model.bundle)


def _header_length(exchange: Exchange) -> int | None:
    given = exchange.headers.get(LENGTH)
    if given is None:
        return None
    if not given.isdigit() or len(given) > 18:
        raise NotDecodable("Inference-Header-Content-Length is not a number of bytes")
    if not int(given) and exchange.header(b"content-type").startswith("application/json"):
        raise NotDecodable(
            "Inference-Header-Content-Length is 0, and the body is not raw elements but application/json"
        )
    return int(given)
