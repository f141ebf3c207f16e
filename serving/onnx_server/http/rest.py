"""The server over HTTP: an ASGI application that finds the call behind a path and translates for the data plane."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from torchferry.serving.errors import DeadlinePassed, InferenceFailed, RequestError
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import Exchange, Form
from torchferry.serving.onnx_server.http.asgi_request import AsgiRequest, Header, Message, Receive, Send
from torchferry.serving.onnx_server.http.context_headers import identify, said
from torchferry.serving.onnx_server.http.errors import refuse, say
from torchferry.serving.onnx_server.http.forms import PredictionsForm, Said, TensorsForm
from torchferry.serving.onnx_server.http.introspection import Introspection
from torchferry.serving.onnx_server.http.routes import OPEN, route

ALSO = {"GET": ("HEAD",), "predict": ("PUT",)}
"""Other methods that mean the same, of a method or of one call; `curl -T` sends a file with PUT."""

EXPOSED = b"Inference-Header-Content-Length, Retry-After, Server-Timing, X-Request-Id, traceparent"
"""What pages of another origin may read of an answer, beside what they always may."""

Call = Callable[[AsgiRequest, str, str], Awaitable[None]]
FormOf = Callable[[AsgiRequest, bytes], Form[Said]]


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
            await say(request, 503, "Service Unavailable", "the server ended before the request was answered")
        except Exception as error:
            await say(request, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}")
            raise
        return None

    async def infer(self, request: AsgiRequest, name: str, version: str) -> None:
        await self._exchange("rest", request, name, version, TensorsForm)

    async def predict(self, request: AsgiRequest, name: str, version: str) -> None:
        """TorchServe's call: files in, labels out; clients need not change when they move."""
        await self._exchange("predictions", request, name, version, PredictionsForm)

    async def _exchange(
        self,
        protocol: str,
        request: AsgiRequest,
        name: str,
        version: str,
        form: Callable[[AsgiRequest, bytes], Form[Said]],
    ) -> None:
        plane = self.plane
        exchange: Exchange[Said] = Exchange(plane, protocol)
        if exchange.admit(name, version):
            identify(exchange.context, request, plane)
            try:
                body = await request.body(plane.settings.max_body_bytes, plane.settings.body_timeout)
            except BaseException as error:
                exchange.end(error)
            else:
                exchange.take(form(request, body))
        with request.watched(exchange):
            headers, answer = await exchange.outcome()
        await request.answer(200, answer, [*headers, *said(exchange.context)])

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
