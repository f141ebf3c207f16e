"""The calls over HTTP that ask about the server and its models instead of asking a model."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from torchferry.serving.codec.content_encoding import unpacked
from torchferry.serving.codec.json_objects import check_names_read, each_once
from torchferry.serving.errors import SOON, NotDecodable
from torchferry.serving.onnx_server import descriptions
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http import openapi
from torchferry.serving.onnx_server.http.json_pieces import list_of
from torchferry.serving.onnx_server.http.request import JSON, HttpRequest

SMALL, SMALL_SECONDS = 64 * 1024, 5
"""Bytes of a body that holds no tensors, at most, and how long it may take to arrive."""


class Introspection:
    def __init__(self, plane: DataPlane) -> None:
        self.plane, self.repository = plane, plane.repository

    async def live(self, request: HttpRequest, *_: str) -> None:
        await self._json(request, {"live": True})

    async def ready(self, request: HttpRequest, *_: str) -> None:
        await self._json(request, {"ready": self.plane.ready}, 200 if self.plane.ready else 400)

    async def ping(self, request: HttpRequest, *_: str) -> None:
        """TorchServe's health check."""
        ready = self.plane.ready
        said = json.dumps({"status": "Healthy" if ready else "Unhealthy"}).encode()
        request.answer(200 if ready else 503, said, [JSON, *([] if ready else [(b"retry-after", b"%d" % SOON)])])

    async def server(self, request: HttpRequest, *_: str) -> None:
        await self._json(request, descriptions.server(self.plane.settings))

    async def metadata(self, request: HttpRequest, name: str, version: str) -> None:
        model = self.repository.find(name, version)
        await self._json(request, descriptions.metadata(model, list(self.repository.models[name].models)))

    async def model_ready(self, request: HttpRequest, name: str, version: str) -> None:
        ready = self.plane.answers(name, version)
        await self._json(request, {"name": name, "ready": ready}, 200 if ready else 400)

    async def configuration(self, request: HttpRequest, name: str, version: str) -> None:
        await self._json(request, descriptions.configuration(self.repository.find(name, version)))

    async def statistics(self, request: HttpRequest, name: str, version: str) -> None:
        models = [self.repository.find(name, version)] if name else list(self.repository)
        said = list_of(descriptions.statistics(model) for model in models)
        await self._long(request, chain([b'{"model_stats":'], said, [b"}"]))

    async def index(self, request: HttpRequest, *_: str) -> None:
        asked = await read_object(request)
        check_names_read(asked, {"ready"}, "the body")
        ready = asked.get("ready", False)
        if not isinstance(ready, bool):
            raise NotDecodable("'ready' is neither true nor false")
        await self._json(request, descriptions.index(self.repository, ready))

    async def openapi(self, request: HttpRequest, *_: str) -> None:
        await self._long(request, openapi.write(self.repository))

    async def _json(self, request: HttpRequest, content: Any, status: int = 200) -> None:
        request.answer(status, json.dumps(content).encode(), [JSON])

    async def _long(self, request: HttpRequest, pieces: Iterator[bytes]) -> None:
        """What grows with the number of models."""
        request.answer(200, await self.plane.turns.take(pieces), [JSON])


async def read_object(request: HttpRequest) -> dict[str, Any]:
    """A small JSON object, empty if there is no body. Raises NotDecodable, and WrongTensor for a name twice."""
    body = await request.body(SMALL, SMALL_SECONDS)
    body = unpacked(body, request.header(b"content-encoding"), SMALL)
    try:
        content = json.loads(body, object_pairs_hook=each_once) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise NotDecodable(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise NotDecodable("the body is not a JSON object")
    return content
