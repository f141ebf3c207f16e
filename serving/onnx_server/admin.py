"""Load and unload, on a port of their own that listens on loopback only."""

import json
from pathlib import Path

from serving.errors import NotDecodable, UnknownModel, UserError, WrongParameter
from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.http_exchange import Exchange, Message, Receive, Send
from serving.onnx_server.repository import Source, sources
from serving.onnx_server.rest import JSON, Rest, read_object
from serving.signature import TrustedKeys


class Admin:
    """The model-repository extension's calls; every other path is answered as on the main port.

    `POST /v2/repository/models/<name>/load` with {"parameters": {"bundle": PATH or PATH:VARIANT}} serves a bundle of
    that name beside the versions that are there; without parameters it reads the bundles of `name` again.
    `POST .../unload` with {"parameters": {"version": V}} ends one version, without parameters all of them.
    """

    def __init__(self, plane: DataPlane, rest: Rest, trusted: TrustedKeys | None) -> None:
        self.plane, self.rest, self.trusted = plane, rest, trusted

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        match scope["path"].strip("/").split("/"):
            case ["v2", "repository", "models", name, "load" | "unload" as verb] if scope["method"] == "POST":
                await self._change(Exchange(scope, receive, send), name, verb)
            case _:
                await self.rest(scope, receive, send)

    async def _change(self, exchange: Exchange, name: str, verb: str) -> None:
        try:
            parameters = (await read_object(exchange)).get("parameters") or {}
            if not isinstance(parameters, dict):
                raise NotDecodable("'parameters' is not a JSON object")
            if verb == "load":
                for source in self._sources(name, parameters):
                    await self.plane.repository.load(source)
            else:
                await self.plane.repository.unload(name, str(parameters.get("version", "")))
        except UnknownModel as error:
            return await self.rest.refuse(exchange, error)
        except (UserError, NotDecodable, WrongParameter) as error:
            return await self.rest.say(exchange, 400, "Bad Request", str(error))
        await exchange.answer(200, json.dumps({"name": name}).encode(), [JSON])
        return None

    def _sources(self, name: str, parameters: dict[str, object]) -> list[Source]:
        if "bundle" in parameters:
            found = [source for source in sources(str(parameters["bundle"]), self.trusted) if source.name == name]
            if not found:
                raise UserError(f"{parameters['bundle']}: is not a bundle of '{name}'")
            return found
        self.plane.repository.find(name)
        again = self.plane.repository.models[name].values()
        return [
            Source(name, sources(str(Path(model.bundle.root)), self.trusted)[0].bundle, model.loaded.variant)
            for model in again
        ]
