"""The server over HTTP: an ASGI application that finds the call behind a path and translates for the data plane."""

import functools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from serving.errors import (
    DeadlinePassed,
    InferenceFailed,
    NotAllowed,
    NotDecodable,
    Overloaded,
    RequestError,
    TooLarge,
    TooSlow,
    UnknownModel,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from serving.onnx_server import descriptions, oip_json, openapi
from serving.onnx_server.access import Access
from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.http_exchange import ClientGone, Exchange, Header, Message, Receive, Send
from serving.onnx_server.upload import upload
from serving.onnx_server.visit import Visit
from serving.request import answer as answer_text
from serving.request import read_request

STATUS: dict[type[Exception], tuple[int, str]] = {
    NotDecodable: (400, "Bad Request"),
    NotAllowed: (401, "Unauthorized"),
    UnknownModel: (404, "Not Found"),
    TooSlow: (408, "Request Timeout"),
    TooLarge: (413, "Content Too Large"),
    UnsupportedType: (415, "Unsupported Media Type"),
    WrongTensor: (422, "Unprocessable Content"),
    WrongParameter: (422, "Unprocessable Content"),
    Overloaded: (429, "Too Many Requests"),
    InferenceFailed: (500, "Internal Server Error"),
    DeadlinePassed: (504, "Gateway Timeout"),
}
JSON: Header = (b"content-type", b"application/json")
RAW: Header = (b"content-type", b"application/octet-stream")
LARGE = 64 * 1024
"""Bodies above are read in a thread, so that they do not hold up the others."""

Call = Callable[[Exchange, str, str], Awaitable[None]]


class Rest:
    def __init__(self, plane: DataPlane, access: Access) -> None:
        self.plane, self.access = plane, access
        self.origin = plane.settings.cors_origin.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, self._with_headers(send))
        try:
            method, name, model, version = route(exchange.path)
            if exchange.method == "OPTIONS" and self.origin:
                return await self._preflight(exchange, method)
            if not name:
                return await self.say(exchange, 404, "Not Found", f"there is nothing at {exchange.path[:200]}")
            if exchange.method != method:
                text = f"{exchange.path[:200]} takes {method}"
                return await self.say(exchange, 405, "Method Not Allowed", text, [(b"allow", method.encode())])
            if name not in OPEN:
                self.access.check(exchange.header(b"authorization"))
            await getattr(self, name)(exchange, model, version)
        except ClientGone:
            pass
        except (RequestError, DeadlinePassed, InferenceFailed) as error:
            await self.refuse(exchange, error)
        except Exception as error:
            await self.say(exchange, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}")
            raise
        return None

    async def infer(self, exchange: Exchange, name: str, version: str) -> None:
        plane = self.plane
        with plane.visit("rest") as visit:
            model = plane.find(visit, name, version)
            with model.admission:
                identify(visit, exchange)
                body = await exchange.body(plane.settings.max_body_bytes)
                length = _header_length(exchange)
                started = time.monotonic()
                if len(body) > LARGE and (length is None or length > LARGE):
                    asked = await plane.in_thread(oip_json.read, body, length, model, visit=visit)
                else:
                    asked = oip_json.read(body, length, model)
                    visit.decode = time.monotonic() - started
                visit.request_id = asked.id or visit.request_id
                with exchange:
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
                identify(visit, exchange)
                body = upload(await exchange.body(plane.settings.max_body_bytes), exchange.header(b"content-type"))
                with exchange:
                    asked = await plane.in_thread(read_request, body, model.bundle, visit=visit)
                    outputs = await plane.run(model, asked.inputs, visit)
                started = time.monotonic()
                answer = answer_text(asked, outputs, model.bundle, model.name).encode()
                visit.encode = time.monotonic() - started
                await exchange.answer(200, answer, [JSON, *said(visit)])

    async def live(self, exchange: Exchange, *_: str) -> None:
        await self._json(exchange, {"live": True})

    async def ready(self, exchange: Exchange, *_: str) -> None:
        await self._json(exchange, {"ready": self.plane.ready}, 200 if self.plane.ready else 400)

    async def ping(self, exchange: Exchange, *_: str) -> None:
        """TorchServe's health check."""
        ready = self.plane.ready
        await self._json(exchange, {"status": "Healthy" if ready else "Unhealthy"}, 200 if ready else 503)

    async def server(self, exchange: Exchange, *_: str) -> None:
        await self._json(exchange, descriptions.server())

    async def metadata(self, exchange: Exchange, name: str, version: str) -> None:
        model = self.plane.repository.find(name, version)
        await self._json(exchange, descriptions.metadata(model, list(self.plane.repository.models[name])))

    async def model_ready(self, exchange: Exchange, name: str, version: str) -> None:
        self.plane.repository.find(name, version)
        await self._json(exchange, {"name": name, "ready": self.plane.ready}, 200 if self.plane.ready else 400)

    async def configuration(self, exchange: Exchange, name: str, version: str) -> None:
        await self._json(exchange, descriptions.configuration(self.plane.repository.find(name, version)))

    async def statistics(self, exchange: Exchange, name: str, version: str) -> None:
        models = [self.plane.repository.find(name, version)] if name else list(self.plane.repository)
        await self._json(exchange, {"model_stats": [descriptions.statistics(model) for model in models]})

    async def index(self, exchange: Exchange, *_: str) -> None:
        asked = await read_object(exchange)
        await self._json(exchange, descriptions.index(self.plane.repository, asked.get("ready") is True))

    async def openapi(self, exchange: Exchange, *_: str) -> None:
        await self._json(exchange, openapi.description(self.plane.repository))

    async def _json(self, exchange: Exchange, content: Any, status: int = 200) -> None:
        await exchange.answer(status, json.dumps(content).encode(), [JSON])

    async def refuse(self, exchange: Exchange, error: Exception) -> None:
        status, phrase = STATUS[type(error)]
        headers: list[Header] = []
        if isinstance(error, Overloaded):
            headers = [(b"retry-after", b"%d" % error.retry_after)]
        elif isinstance(error, NotAllowed):
            headers = [(b"www-authenticate", b"Bearer")]
        await self.say(exchange, status, phrase, str(error), headers)

    async def say(self, exchange: Exchange, status: int, phrase: str, detail: str, headers: Any = ()) -> None:
        """The protocol has its message in `error`; `detail` is where our clients look on every server."""
        content = {"error": f"{phrase}: {detail}", "detail": detail}
        await exchange.answer(status, json.dumps(content).encode(), [JSON, *headers])

    async def _preflight(self, exchange: Exchange, method: str) -> None:
        allowed = [(b"access-control-allow-methods", method.encode()), (b"access-control-allow-headers", b"*")]
        await exchange.answer(204, b"", allowed)

    def _with_headers(self, send: Send) -> Send:
        """`send`, with what belongs to every answer; the hot path has none of it."""
        headers: list[Header] = []
        if self.origin:
            headers.append((b"access-control-allow-origin", self.origin))
        if self.plane.draining:
            headers.append((b"connection", b"close"))  # so that the client opens its next one elsewhere
        if not headers:
            return send

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        return sending


LENGTH = b"inference-header-content-length"
OPEN = frozenset({"live", "ready", "ping", "openapi"})
"""What needs no token."""


@functools.lru_cache(4096)
def route(path: str) -> tuple[str, str, str, str]:
    """Method, the name of the call in Rest, model and version; the name is empty where there is nothing."""
    match path.strip("/").split("/"):
        case ["v2", "models", name, "infer"]:
            return "POST", "infer", name, ""
        case ["v2", "models", name, "versions", version, "infer"]:
            return "POST", "infer", name, version
        case ["predictions", name]:
            return "POST", "predict", name, ""
        case ["predictions", name, version]:
            return "POST", "predict", name, version
        case ["v2"]:
            return "GET", "server", "", ""
        case ["v2", "health", "live"]:
            return "GET", "live", "", ""
        case ["v2", "health", "ready"]:
            return "GET", "ready", "", ""
        case ["ping"]:
            return "GET", "ping", "", ""
        case ["openapi.json"]:
            return "GET", "openapi", "", ""
        case ["v2", "repository", "index"]:
            return "POST", "index", "", ""
        case ["v2", "models", "stats"]:
            return "GET", "statistics", "", ""
        case ["v2", "models", name, *rest]:
            version, rest = (rest[1], rest[2:]) if len(rest) > 1 and rest[0] == "versions" else ("", rest)
            calls = {"": "metadata", "ready": "model_ready", "config": "configuration", "stats": "statistics"}
            return "GET", calls.get("/".join(rest), ""), name, version
    return "", "", "", ""


def identify(visit: Visit, exchange: Exchange) -> None:
    """Who asks, for log and exemplars: X-Request-Id and W3C traceparent."""
    if b"x-request-id" in exchange.headers:
        visit.request_id = exchange.header(b"x-request-id")[:128]
    if b"traceparent" in exchange.headers:
        visit.trace_id = trace_id(exchange.header(b"traceparent"))


def trace_id(traceparent: str) -> str:
    """https://www.w3.org/TR/trace-context/: version-traceid-parentid-flags; empty if it is none."""
    parts = traceparent.split("-")
    right = len(parts) >= 4 and len(parts[1]) == 32 and all(digit in "0123456789abcdef" for digit in parts[1])
    return parts[1] if right else ""


def said(visit: Visit) -> list[Header]:
    """What an answer tells of its making, in milliseconds (https://www.w3.org/TR/server-timing/), and its id."""
    timing = ", ".join(f"{stage};dur={1000 * seconds:.3f}" for stage, seconds in visit.stages().items())
    headers = [(b"server-timing", timing.encode())]
    if visit.request_id:
        headers.append((b"x-request-id", visit.request_id.encode("latin-1", "replace")))
    return headers


async def read_object(exchange: Exchange) -> dict[str, Any]:
    """A small JSON object, empty if there is no body. Raises NotDecodable."""
    body = await exchange.body(LARGE)
    try:
        content = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise NotDecodable(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise NotDecodable("the body is not a JSON object")
    return content


def _header_length(exchange: Exchange) -> int | None:
    given = exchange.headers.get(LENGTH)
    if given is None:
        return None
    if not given.isdigit():
        raise NotDecodable("Inference-Header-Content-Length is not a number")
    return int(given)
