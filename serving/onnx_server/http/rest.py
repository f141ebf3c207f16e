"""The server over HTTP: an ASGI application that finds the call behind a path and translates for the data plane."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from torchferry.serving.codec.predictions_json import Request, read_request, read_top_k
from torchferry.serving.codec.predictions_json import answer as answer_text
from torchferry.serving.errors import DeadlinePassed, InferenceFailed, NotDecodable, RequestError
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http import oip_json
from torchferry.serving.onnx_server.http.asgi_request import JSON, AsgiRequest, Header, Message, Receive, Send
from torchferry.serving.onnx_server.http.context_headers import identify, said
from torchferry.serving.onnx_server.http.errors import refuse, say
from torchferry.serving.onnx_server.http.introspection import Introspection
from torchferry.serving.onnx_server.http.routes import OPEN, route
from torchferry.serving.onnx_server.http.upload import upload
from torchferry.serving.onnx_server.models.model import Model

RAW: Header = (b"content-type", b"application/octet-stream")
TOP_K = b"x-top-k"
LENGTH = b"inference-header-content-length"
LARGE = 64 * 1024
"""Bodies above are read in a thread, so that they do not hold up the others."""
ALSO = {"GET": ("HEAD",), "predict": ("PUT",)}
"""Other methods that mean the same, of a method or of one call; `curl -T` sends a file with PUT."""

EXPOSED = b"Inference-Header-Content-Length, Retry-After, Server-Timing, X-Request-Id, traceparent"
"""What pages of another origin may read of an answer, beside what they always may."""

Call = Callable[[AsgiRequest, str, str], Awaitable[None]]


class Rest:
    def __init__(self, plane: DataPlane, access: Access) -> None:
        self.plane, self.access = plane, access
        self.introspection = Introspection(plane)
        self.origin = plane.settings.cors_origin.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        dressed = self._with_headers(send)
        request = AsgiRequest(scope, receive, dressed, is_plain=dressed is send and scope["method"] == "POST")
        try:
            method, name, model, version = route(request.path)
            if request.method == "OPTIONS" and self.origin:
                return await self._preflight(request, (method, *ALSO.get(name, ALSO.get(method, ()))))
            if not name:
                return await say(request, 404, "Not Found", f"there is nothing at {request.path[:200]}")
            taken = (method, *ALSO.get(name, ALSO.get(method, ())))
            if request.method not in taken:
                text = f"{request.path[:200]} takes {' and '.join(taken)}"
                return await say(request, 405, "Method Not Allowed", text, [(b"allow", ", ".join(taken).encode())])
            if name not in OPEN:
                self.access.check(request.header(b"authorization"))
            await self._call(name)(request, model, version)
        except (RequestError, DeadlinePassed, InferenceFailed) as error:
            await refuse(request, error)
        except asyncio.CancelledError:  # of those whose client is there, only at the end of --drain-timeout
            if request.reply.has_begun:  # a long answer, which its client was reading
                return request.reply.drop()
            await say(request, 503, "Service Unavailable", "the server ended before the request was answered")
        except Exception as error:
            await say(request, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}")
            raise
        return None

    async def infer(self, request: AsgiRequest, name: str, version: str) -> None:
        plane = self.plane
        with plane.context("rest") as context:
            model = plane.find(context, name, version)
            with model.admission:
                identify(context, request, plane)
                body = await request.body(plane.settings.max_body_bytes, plane.settings.body_timeout)
                length = _header_length(request)
                started = time.monotonic()
                if len(body) > LARGE and (length is None or length > LARGE):
                    asked = await plane.in_thread(oip_json.read, body, length, model, context=context)
                else:
                    asked = oip_json.read(body, length, model)
                    context.decode = time.monotonic() - started
                context.request_id = context.request_id or asked.id[:128]
                with request.watched(context):
                    outputs = await plane.infer(model, asked, context)
                    started = time.monotonic()
                    if oip_json.is_long(asked, outputs):
                        slices, raw = oip_json.write_slices(asked, outputs, model)
                        text = await plane.in_turns(slices, context, asked.timeout)
                        json_length = sum(map(len, text)) if raw else None
                        answer: Sequence[bytes] = [*text, *raw]
                    else:
                        whole, json_length = oip_json.write(asked, outputs, model)
                        answer = [whole]
                context.encode = time.monotonic() - started
        headers = [JSON] if json_length is None else [RAW, (LENGTH, b"%d" % json_length)]
        await request.answer_in_parts(200, answer, [*headers, *said(context)])

    async def predict(self, request: AsgiRequest, name: str, version: str) -> None:
        """TorchServe's call: files in, labels out; clients need not change when they move."""
        plane = self.plane
        with plane.context("predictions") as context:
            model = plane.find(context, name, version)
            with model.admission:
                identify(context, request, plane)
                top_k = read_top_k(request.header(TOP_K))
                body = await request.body(plane.settings.max_body_bytes, plane.settings.body_timeout)
                with request.watched(context):
                    asked = await plane.in_thread(_read_upload, body, request, model, context=context)
                    outputs = await plane.run(model, asked.inputs, context)
                started = time.monotonic()
                answer = answer_text(asked, outputs, model.bundle, model.name, top_k).encode()
                context.encode = time.monotonic() - started
                await request.answer(200, answer, [JSON, *said(context)])

    def _call(self, name: str) -> Call:
        call: Call = getattr(self if name in ("infer", "predict") else self.introspection, name)
        return call

    async def _preflight(self, request: AsgiRequest, methods: Sequence[str]) -> None:
        # The star does not stand for Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name).
        allowed = [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", b"*, Authorization"),
        ]
        await request.answer(204, b"", allowed)

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


def _read_upload(body: bytes, request: AsgiRequest, model: Model) -> Request:
    """In a thread: a form may have as many parts as fit into its bytes."""
    return read_request(upload(body, request.header(b"content-type")), model.bundle)


def _header_length(request: AsgiRequest) -> int | None:
    given = request.headers.get(LENGTH)
    if given is None:
        return None
    if not given.isdigit() or len(given) > 18:
        raise NotDecodable("Inference-Header-Content-Length is not a number of bytes")
    if not int(given) and request.header(b"content-type").startswith("application/json"):
        raise NotDecodable(
            "Inference-Header-Content-Length is 0, and the body is not raw elements but application/json"
        )
    return int(given)
