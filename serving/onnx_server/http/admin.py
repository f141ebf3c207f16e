"""Load and unload, on a port of their own that listens on loopback only and asks for more than that."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Set
from typing import Any

from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.codec.json_objects import check_names_read
from torchferry.serving.errors import NotDecodable, RequestError, WrongParameter
from torchferry.serving.net.admin_rule import AdminRule
from torchferry.serving.onnx_server.daemon_thread import in_daemon_thread
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http.errors import fail, refuse, say
from torchferry.serving.onnx_server.http.introspection import read_object
from torchferry.serving.onnx_server.http.request import JSON, HttpRequest
from torchferry.serving.onnx_server.http.rest import Rest, check_query
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.models.channels import read_channels, read_weight, write_channels
from torchferry.serving.onnx_server.models.pulled_bundles import remove
from torchferry.serving.onnx_server.models.repository import Source, check_variant
from torchferry.serving.onnx_server.models.versions import STABLE

CALLS = {"GET": ("channels",), "POST": ("load", "unload", "channels", "rollback")}
Call = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class Admin:
    """The model-repository extension's calls and the channels; every other path is answered as on the main port, with
    the same tokens.

    Below `/v2/repository/models/<name>`:
    `POST load` with {"parameters": {"bundle": PATH}}, or URL/NAME@VERSION of the registry, or either with :VARIANT,
    serves a bundle of that name (where all variants are served, NAME-VARIANT) beside the versions that are there, and
    makes the channel `stable` mean it, or "channel" with its "weight"; without parameters it reads the bundles of that
    name again.
    `POST unload` with {"parameters": {"version": V}} ends one version, without parameters all of them.
    `GET channels`, `POST channels` with {"stable": V, "canary": {"version": V, "weight": 0.1}}, and `POST rollback`,
    which takes the last change of the channels back.
    """

    def __init__(self, plane: DataPlane, rest: Rest, allowed: AllowedBundles) -> None:
        self.repository, self.rest, self.allowed = plane.repository, rest, allowed
        self.rule = AdminRule(rest.access, plane.settings.admin_host)
        self.loading = 0
        """Calls that may be about to have what no model has yet."""

    def __call__(self, request: HttpRequest) -> Coroutine[Any, Any, None] | None:
        try:
            self.rule.check_page(request.header(b"host"), request.header(b"origin"))
        except RequestError as error:
            refuse(request, error)
            return None
        match request.path.strip("/").split("/"):
            case ["v2", "repository", "models", name, call] if call in CALLS.get(request.method, ()):
                return self._answer(request, name, getattr(self, call))
            case _:
                return self.rest(request)

    async def _answer(self, request: HttpRequest, name: str, call: Call) -> None:
        try:
            self.rule.check_change(request.method, request.header(b"authorization"), request.header(b"content-type"))
            check_query(request)
            said = await call(name, await read_object(request))
        except UserError as error:
            return say(request, 400, "Bad Request", str(error))
        except RequestError as error:
            return refuse(request, error)
        except (Exception, asyncio.CancelledError) as error:
            return fail(request, error)
        return request.answer(200, json.dumps(said).encode(), [JSON])

    async def load(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.loading += 1
        try:
            await self._load(name, body)
        finally:
            self.loading -= 1
            await self._remove_unused()
        return {"name": name}

    async def _load(self, name: str, body: dict[str, Any]) -> None:
        parameters = _parameters(body, {"bundle", "channel", "weight"})
        channel, weight = _text(parameters, "channel", STABLE), read_weight(parameters.get("weight", 0))
        if bundle_given := _text(parameters, "bundle", ""):
            await self.repository.load(await self._source(bundle_given, name), channel, weight)
        else:
            for model in list(self.repository.versions(name)):
                bundle = await asyncio.to_thread(bundles.load, model.bundle.root, self.allowed.trusted)
                variant = model.loaded.variant
                check_variant(bundle, variant)
                await self.repository.load(Source(name, bundle, variant), channel=None)

    async def _source(self, given: str, name: str) -> Source:
        """Within the time that loading has: a registry may not answer. Raises UserError."""
        settings = self.repository.settings
        try:
            async with asyncio.timeout(settings.load_timeout):
                return await in_daemon_thread(self.allowed.source, given, name, settings.all_variants)
        except TimeoutError as error:
            raise UserError(
                f"{given[:200]}: was not read within {settings.load_timeout:g} s; --load-timeout gives it more"
            ) from error

    async def unload(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        await self.repository.unload(name, _text(_parameters(body, {"version"}), "version", ""))
        await self._remove_unused()
        return {"name": name}

    async def _remove_unused(self) -> None:
        """What was pulled and no model has."""
        if self.allowed.registry and not self.loading:
            used = {model.bundle.root for model in self.repository}
            await asyncio.to_thread(remove, self.allowed.registry.take_out(used))

    async def channels(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        versions = self.repository.versions(name)
        if body:
            versions.direct(read_channels(body))
        return write_channels(versions.channels)

    async def rollback(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        check_names_read(body, set(), "a rollback")
        versions = self.repository.versions(name)
        versions.roll_back()
        return write_channels(versions.channels)


def _parameters(body: dict[str, Any], known: Set[str]) -> dict[str, Any]:
    """What is misspelt would be all versions of a model, or another channel. Raises WrongParameter."""
    check_names_read(body, {"parameters"}, "the body")
    parameters = body.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise NotDecodable("'parameters' is not a JSON object")
    check_names_read(parameters, known, "'parameters'")
    return parameters


def _text(parameters: dict[str, Any], name: str, default: str) -> str:
    """A parameter that is text; `default` where it is missing or null. Raises WrongParameter."""
    value = parameters.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or not value:
        raise WrongParameter(f"'{name}' is {value!r}; give text, or leave it out")
    return value
