"""The gRPC port: the services on it, who may call them, and TLS."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

from torchferry.errors import UserError
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.errors import NotAllowed, Overloaded
from torchferry.serving.net.addresses import authority
from torchferry.serving.net.auth import Access
from torchferry.serving.net.ports import claim
from torchferry.serving.net.tls import Certificate
from torchferry.serving.net.unix_sockets import SCHEME, free
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.call import authorization, refuse
from torchferry.serving.onnx_server.grpc.handlers import Registering, read_in_handler
from torchferry.serving.onnx_server.grpc.interfaces import CallDetails, Context, Handler
from torchferry.serving.onnx_server.grpc.predictions import Predictions
from torchferry.serving.onnx_server.grpc.service import InferenceService

INFERENCE = messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
OPEN = ("/grpc.health.v1.Health/", "/grpc.reflection.", f"/{INFERENCE}/ServerLive", f"/{INFERENCE}/ServerReady")
HEADROOM = 64 * 1024
"""Bytes that a message needs around its tensors."""
LAST_ANSWERS = 0.5
"""Seconds in which the last answers are on their way."""


class GrpcServer:
    def __init__(self, plane: DataPlane, access: Access, certificate: Certificate | None) -> None:
        settings, self.repository = plane.settings, plane.repository
        limit = settings.max_body_bytes + HEADROOM
        options = [
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # or a second server would share the port without a word
        ]
        self.server = grpc.aio.server(interceptors=[_Guard(access)] if access.path else [], options=options)
        self.inference = InferenceService(plane, access)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self.inference, Registering(self.server))
        self.server.add_generic_rpc_handlers((_predictions(plane),))
        self.health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        reflection.enable_server_reflection((INFERENCE, health.SERVICE_NAME, reflection.SERVICE_NAME), self.server)
        self.port = self._listen(settings.host, settings.grpc_port, certificate)
        if path := settings.grpc_unix_socket:
            free(path, "--grpc-unix-socket")
            self.server.add_insecure_port(f"{SCHEME}{path.absolute()}")

    async def start(self) -> None:
        await self.say_not_ready()
        await self.server.start()

    async def say_ready(self) -> None:
        await self._say(health_pb2.HealthCheckResponse.SERVING)

    async def say_not_ready(self) -> None:
        await self._say(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def _say(self, status: int) -> None:
        for service in ("", INFERENCE):
            await self.health.set(service, status)

    async def stop(self, seconds: float) -> None:
        """Take no more calls and answer the requests in flight; then end the calls that only wait, as Watch does."""
        ending = asyncio.ensure_future(self.server.stop(seconds))
        self.inference.ending.set()
        await asyncio.sleep(0.05)  # what has just arrived goes in
        while not ending.done() and any(model.admission.inside for model in self.repository):
            await asyncio.sleep(0.05)
        # grpc.aio lets a later, shorter grace win: an open Watch would else last the whole drain.
        await asyncio.gather(ending, self.server.stop(min(seconds, LAST_ANSWERS)))

    def _listen(self, host: str, port: int, certificate: Certificate | None) -> int:
        if port:
            claim(host, port, "--grpc-port")  # gRPC says of a taken one what nobody can read, on stderr
        address = authority(host, port)
        try:
            if certificate:
                return self.server.add_secure_port(address, certificate.grpc_credentials())
            return self.server.add_insecure_port(address)
        except RuntimeError as error:
            raise UserError(
                f"--grpc-port: cannot listen on {address}; give another port, or 0 for a free one"
            ) from error


class _Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    def __init__(self, access: Access) -> None:
        self.access = access

    async def intercept_service(
        self, continuation: Callable[[CallDetails], Awaitable[Handler | None]], details: CallDetails
    ) -> Handler | None:
        if not details.method.startswith(OPEN):
            try:
                self.access.check(authorization(details.invocation_metadata))
            except (NotAllowed, Overloaded) as error:
                # The handler is looked up all the same, to answer as the kind of call that it is.
                return _refusal(await continuation(details), error)
        return await continuation(details)


def _refusal(handler: Handler | None, error: Exception) -> Handler:
    """A handler of the same kind that only says no."""

    async def say_no(_request: object, context: Context) -> NoReturn:
        await refuse(context, error)

    if handler is None or not (handler.request_streaming or handler.response_streaming):
        return grpc.unary_unary_rpc_method_handler(say_no)
    return grpc.stream_stream_rpc_method_handler(say_no)


def _predictions(plane: DataPlane) -> grpc.GenericRpcHandler:
    method = grpc.unary_unary_rpc_method_handler(
        Predictions(plane),
        request_deserializer=predictions_grpc.Request.FromString,
        response_serializer=predictions_grpc.Response.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(predictions_grpc.SERVICE, {"Predictions": read_in_handler(method)})
