"""The gRPC port: the services on it, who may call them, and TLS."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

from torchferry.errors import UserError
from torchferry.serving.cli.server_settings import HEADROOM
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.errors import NotAllowed, Overloaded
from torchferry.serving.net.addresses import address_of, authority, listeners
from torchferry.serving.net.auth import Access
from torchferry.serving.net.reflection import add_reflection
from torchferry.serving.net.tls import Certificate
from torchferry.serving.net.unix_sockets import SCHEME, free
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.call import authorization, refuse
from torchferry.serving.onnx_server.grpc.drain import Drain
from torchferry.serving.onnx_server.grpc.engine import ENGINES, Engine
from torchferry.serving.onnx_server.grpc.handlers import Registering
from torchferry.serving.onnx_server.grpc.interfaces import CallDetails, Context, Handler
from torchferry.serving.onnx_server.grpc.open_calls import OpenCalls
from torchferry.serving.onnx_server.grpc.predictions import Predictions
from torchferry.serving.onnx_server.grpc.service import InferenceService
from torchferry.serving.onnx_server.shares import Shares

INFERENCE = messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
OPEN = ("/grpc.health.v1.Health/", "/grpc.reflection.", f"/{INFERENCE}/ServerLive", f"/{INFERENCE}/ServerReady")


class GrpcServer:
    def __init__(self, plane: DataPlane, access: Access, certificate: Certificate | None) -> None:
        settings, self.plane = plane.settings, plane
        guards = [_Guard(access)] if access.path else []
        self.engine: Engine = ENGINES[settings.grpc_engine](
            guards, settings.max_body_bytes + HEADROOM, settings.max_connections
        )
        self.server, self.drain = self.engine.server, Drain()
        room = Shares(settings.max_connections, settings.max_client_connections)
        calls = OpenCalls(plane.clients, access, room, partial(plane.metrics.refused, "grpc"))
        registering = Registering(self.server, self.drain, calls)
        self.inference = InferenceService(plane, access)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self.inference, registering)
        registering.add_registered_method_handlers(predictions_grpc.SERVICE, {"Predictions": _predictions(plane)})
        self.health = health.aio.HealthServicer()
        always = Registering(self.server, Drain(), calls)  # these two answer to the end
        health_pb2_grpc.add_HealthServicer_to_server(self.health, always)
        services = (INFERENCE, predictions_grpc.SERVICE, health.SERVICE_NAME)
        add_reflection(services, always, predictions_grpc.POOL)
        self.port = self._listen(settings.host, settings.grpc_port, certificate)
        if path := settings.grpc_unix_socket:
            free(path, "--grpc-unix-socket")
            self._listen_at(f"{SCHEME}{path.absolute()}", None, "--grpc-unix-socket")

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
        self.inference.ending.set()
        await self.engine.stop(self.drain, lambda: bool(self.plane.inside), seconds)

    def _listen(self, host: str, port: int, certificate: Certificate | None) -> int:
        """On every address of the host, all on one port."""
        with ExitStack() as closed:  # gRPC says of a port that is taken what nobody can read, on stderr
            opened = [closed.enter_context(listener) for listener in listeners(host, port, "--grpc-port")]
            addresses = list(map(address_of, opened))
            one = int(opened[0].getsockname()[1]) if port or len(opened) > 1 else 0
        found = [self._listen_at(authority(address, one), certificate, "--grpc-port") for address in addresses]
        return found[0]

    def _listen_at(self, address: str, certificate: Certificate | None, option: str) -> int:
        try:
            if certificate:
                return self.server.add_secure_port(address, certificate.grpc_credentials())
            return self.server.add_insecure_port(address)
        except RuntimeError as error:
            raise UserError(f"{option}: cannot listen on {address}; give another one") from error


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


def _refusal(handler: Handler | None, error: NotAllowed | Overloaded) -> Handler:
    """A handler of the same kind that only says no."""

    async def say_no(_request: object, context: Context) -> NoReturn:
        await refuse(context, error)

    if handler is None or not (handler.request_streaming or handler.response_streaming):
        return grpc.unary_unary_rpc_method_handler(say_no)
    streams = (
        grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
    )
    return streams(say_no)


def _predictions(plane: DataPlane) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        Predictions(plane),
        request_deserializer=predictions_grpc.Request.FromString,
        response_serializer=predictions_grpc.Response.SerializeToString,
    )
