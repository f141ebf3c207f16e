"""The calls of inference.GRPCInferenceService, translated for the data plane."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, NoReturn

from google.protobuf import json_format
from tritonclient.grpc import model_config_pb2, service_pb2_grpc
from tritonclient.grpc import service_pb2 as messages

from torchferry.serving.errors import SOON, Forbidden, Unavailable, UnknownModel
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server import descriptions
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.grpc.call import ANSWERED, authorization, identify, refuse, say
from torchferry.serving.onnx_server.grpc.drain import ENDING
from torchferry.serving.onnx_server.grpc.forms import InferForm
from torchferry.serving.onnx_server.grpc.interfaces import (
    Context,
    IndexRequest,
    InferRequest,
    InferResponse,
    ModelRequest,
    StreamResponse,
)
from torchferry.serving.onnx_server.grpc.open_calls import CALLER
from torchferry.serving.onnx_server.grpc.stream_order import StreamOrder
from torchferry.serving.onnx_server.models.model import Model

IN_STREAM = 64
"""Requests of one stream that are worked on at a time."""
ELSEWHERE = "models are loaded and unloaded on the admin port, over HTTP and from the server's own machine only"


class InferenceService(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """What is not here (shared memory, trace and log settings) is answered UNIMPLEMENTED, and no extension names it."""

    def __init__(self, plane: DataPlane, access: Access) -> None:
        self.plane, self.access = plane, access
        self.ending = asyncio.Event()
        """Streams take no further requests: they answer those that they have, and end."""

    async def ServerLive(self, _request: object, _context: object) -> messages.ServerLiveResponse:
        return messages.ServerLiveResponse(live=True)

    async def ServerReady(self, _request: object, _context: object) -> messages.ServerReadyResponse:
        return messages.ServerReadyResponse(ready=self.plane.ready)

    async def ModelReady(self, request: ModelRequest, context: Context) -> messages.ModelReadyResponse:
        try:
            return messages.ModelReadyResponse(ready=self.plane.answers(request.name, request.version))
        except UnknownModel as error:
            await refuse(context, error)

    async def ServerMetadata(self, _request: object, _context: object) -> messages.ServerMetadataResponse:
        return messages.ServerMetadataResponse(**descriptions.server(self.plane.settings))

    async def ModelMetadata(self, request: ModelRequest, context: Context) -> messages.ModelMetadataResponse:
        model = await self._model(request, context)
        said = descriptions.metadata(model, list(self.plane.repository.models[model.name].models))
        del said["parameters"]  # the message has no field for them
        return messages.ModelMetadataResponse(**said)

    async def ModelConfig(self, request: ModelRequest, context: Context) -> messages.ModelConfigResponse:
        model = await self._model(request, context)
        said = json_format.ParseDict(descriptions.configuration(model), model_config_pb2.ModelConfig())
        return messages.ModelConfigResponse(config=said)

    async def ModelStatistics(self, request: ModelRequest, context: Context) -> messages.ModelStatisticsResponse:
        models = [await self._model(request, context)] if request.name else list(self.plane.repository)
        # json_format would take 15 ms for 200 models, not half of one.
        return messages.ModelStatisticsResponse(model_stats=[descriptions.statistics(model) for model in models])

    async def RepositoryIndex(self, request: IndexRequest, _context: object) -> messages.RepositoryIndexResponse:
        return messages.RepositoryIndexResponse(models=descriptions.index(self.plane.repository, request.ready))

    async def RepositoryModelLoad(self, _request: object, context: Context) -> NoReturn:
        await refuse(context, Forbidden(ELSEWHERE))

    async def RepositoryModelUnload(self, _request: object, context: Context) -> NoReturn:
        await refuse(context, Forbidden(ELSEWHERE))

    async def ModelInfer(self, request: InferRequest, context: Context) -> InferResponse:
        exchange = self._begun(request, context)
        try:
            response = await exchange.outcome()
        except ANSWERED as error:
            await refuse(context, error, exchange.context)
        say(exchange.context, context)
        return response

    async def ModelStreamInfer(
        self, requests: AsyncIterator[InferRequest], context: Context
    ) -> AsyncIterator[StreamResponse]:
        """Answers in the order of the requests, several of which are worked on at a time; of a sequence one."""
        arriving = aiter(requests)
        reading: asyncio.Future[InferRequest | None] | None = asyncio.ensure_future(anext(arriving, None))
        ending: asyncio.Future = asyncio.ensure_future(self.ending.wait())
        working: deque[asyncio.Future[StreamResponse]] = deque()
        order = StreamOrder()
        caller, counted = authorization(context.invocation_metadata()), True  # the first, when the stream began
        try:
            while (reading and not ending.done()) or working:
                # An answer that is done goes out at once: its client may wait for it before it sends the next request.
                room = [reading, ending] if reading and not ending.done() and len(working) < IN_STREAM else []
                await asyncio.wait([*room, *list(working)[:1]], return_when=asyncio.FIRST_COMPLETED)
                if room and reading and reading.done():
                    request = reading.result()
                    reading = asyncio.ensure_future(anext(arriving, None)) if request else None
                    if request:
                        answering = self._infer_in_stream(request, context, caller, counted, order.before(request))
                        working.append(asyncio.ensure_future(answering))
                        order.begun(request, working[-1])
                        counted = False
                while working and working[0].done():
                    yield working.popleft().result()
            if reading and not (reading.done() and reading.result() is None):
                await refuse(context, Unavailable(ENDING, SOON))
        finally:
            # Also where the client has gone: its requests in the queue are then never computed.
            for task in (*working, ending, *([reading] if reading else [])):
                task.cancel()

    async def _infer_in_stream(
        self, request: InferRequest, context: Context, caller: str, counted: bool, before: asyncio.Future[Any] | None
    ) -> StreamResponse:
        """Once the one `before` it in its sequence is done. One request's fault does not end the stream."""
        if before:
            await asyncio.wait([before])
        try:
            if not counted:
                self.access.check(caller)
            response = await self._begun(request, context).outcome()
        except ANSWERED as error:
            return messages.ModelStreamInferResponse(
                error_message=str(error), infer_response=messages.ModelInferResponse(id=request.id)
            )
        # Reading it puts an empty one in; the request has been answered, so that harms nothing.
        if request.parameters["triton_enable_empty_final_response"].bool_param:
            response.parameters["triton_final_response"].bool_param = True
        return messages.ModelStreamInferResponse(infer_response=response)

    def _begun(self, request: InferRequest, context: Context) -> Exchange[InferResponse]:
        exchange: Exchange[InferResponse] = Exchange(
            self.plane, "grpc", timeout=context.time_remaining(), client=CALLER.get()
        )
        identify(self.plane, exchange.context, context)
        if exchange.admit(request.model_name, request.model_version):
            exchange.take(InferForm(request))
        return exchange

    async def _model(self, request: ModelRequest, context: Context) -> Model:
        try:
            return self.plane.repository.find(request.name, request.version)
        except (UnknownModel, Unavailable) as error:
            await refuse(context, error)
