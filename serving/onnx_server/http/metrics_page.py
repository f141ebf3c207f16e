"""The page that Prometheus reads, at a path of its own port, where health is answered too.

So a probe has a place when clients hold all connections to REST: behind a node's translation its address may be theirs.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from prometheus_client.exposition import choose_encoder

from torchferry.serving.errors import RequestError
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.http.connection import Application
from torchferry.serving.onnx_server.http.errors import fail, refuse, say
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.http.routes import HEALTH, route
from torchferry.serving.onnx_server.telemetry.families import Registry
from torchferry.serving.onnx_server.telemetry.page import Form
from torchferry.serving.onnx_server.turns import Turns

FORMS = 4
"""Content types whose text is kept, each as long as the page; clients could ask for as many as they like."""


class MetricsPage:
    def __init__(self, registry: Registry, turns: Turns, access: Access, health: Application) -> None:
        """`health` answers the calls of health, for which nobody needs a token."""
        self.registry, self.turns, self.access, self.health = registry, turns, access, health
        self.forms: dict[str, Form] = {}
        """By content type."""
        self.being_written: dict[str, asyncio.Task[list[bytes]]] = {}

    def __call__(self, request: HttpRequest) -> Coroutine[Any, Any, None] | None:
        if route(request.path)[1] in HEALTH:
            return self.health(request)
        if request.path != "/metrics":
            say(request, 404, "Not Found", "metrics are at /metrics, health is at /v2/health/live and /v2/health/ready")
        elif request.method != "GET":
            say(request, 405, "Method Not Allowed", "/metrics takes GET", [(b"allow", b"GET")])
        else:
            try:
                self.access.check(request.header(b"authorization"))
            except RequestError as error:
                refuse(request, error)
            else:
                return self._answer(request)
        return None

    async def _answer(self, request: HttpRequest) -> None:
        encode, content_type = choose_encoder(request.header(b"accept"))  # OpenMetrics has the exemplars
        if content_type not in self.forms:
            latest = [*self.forms.items()][1 - FORMS :]
            self.forms = {**dict(latest), content_type: Form(encode)}
        try:
            request.answer(200, await self._page(content_type), [(b"content-type", content_type.encode())])
        except Exception as error:
            fail(request, error)

    async def _page(self, content_type: str) -> list[bytes]:
        """Who comes while it is being written gets the same."""
        if content_type not in self.being_written:
            self.being_written[content_type] = asyncio.create_task(self._write(content_type, self.forms[content_type]))
        return await asyncio.shield(self.being_written[content_type])

    async def _write(self, content_type: str, form: Form) -> list[bytes]:
        try:
            return await self.turns.take(form.write(self.registry.collectors))
        finally:
            del self.being_written[content_type]
