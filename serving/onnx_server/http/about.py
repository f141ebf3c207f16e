"""The calls over HTTP that ask about the server and its models instead of asking a model."""

import json
from typing import Any

from serving.errors import NotDecodable
from serving.onnx_server import descriptions
from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.http import openapi
from serving.onnx_server.http.exchange import JSON, Exchange

SMALL, SMALL_SECONDS = 64 * 1024, 5
"""Bytes of a body that holds no tensors, at most, and how long it may take to arrive."""


class About:
    def __init__(self, plane: DataPlane) -> None:
        self.plane, self.repository = plane, plane.repository

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
        model = self.repository.find(name, version)
        await self._json(exchange, descriptions.metadata(model, list(self.repository.models[name].models)))

    async def model_ready(self, exchange: Exchange, name: str, version: str) -> None:
        self.repository.find(name, version)
        await self._json(exchange, {"name": name, "ready": self.plane.ready}, 200 if self.plane.ready else 400)

    async def configuration(self, exchange: Exchange, name: str, version: str) -> None:
        await self._json(exchange, descriptions.configuration(self.repository.find(name, version)))

    async def statistics(self, exchange: Exchange, name: str, version: str) -> None:
        models = [self.repository.find(name, version)] if name else list(self.repository)
        await self._json(exchange, {"model_stats": [descriptions.statistics(model) for model in models]})

    async def index(self, exchange: Exchange, *_: str) -> None:
        ready = (await read_object(exchange)).get("ready", False)
        if not isinstance(ready, bool):
            raise NotDecodable("'ready' is neither true nor false")
        await self._json(exchange, descriptions.index(self.repository, ready))

    async def openapi(self, exchange: Exchange, *_: str) -> None:
        await self._json(exchange, openapi.description(self.repository))

    async def _json(self, exchange: Exchange, content: Any, status: int = 200) -> None:
        await exchange.answer(status, json.dumps(content).encode(), [JSON])


async def read_object(exchange: Exchange) -> dict[str, Any]:
    """A small JSON object, empty if there is no body. Raises NotDecodable."""
    body = await exchange.body(SMALL, SMALL_SECONDS)
    try:
        content = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise NotDecodable(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise NotDecodable("the body is not a JSON object")
    return content
