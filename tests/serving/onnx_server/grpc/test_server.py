"""The standard services beside ours: grpc.health.v1 and reflection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.serving.onnx_server.calling import channel
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.in_process import serving_bundles
from tests.serving.wire import in_loop
from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.grpc.server import GrpcServer

INFERENCE = "inference.GRPCInferenceService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(scope="module")
def opened(asked: dict[str, str]) -> Iterator[grpc.Channel]:
    with channel(asked["grpc"]) as opened:
        yield opened


@pytest.mark.parametrize("service", ["", INFERENCE])
def test_health_is_checked_and_watched(opened: grpc.Channel, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(opened)
    request = health_pb2.HealthCheckRequest(service=service)
    assert stub.Check(request, timeout=10).status == SERVING
    watched = stub.Watch(request, timeout=10)
    assert next(watched).status == SERVING
    watched.cancel()


def test_an_unknown_services_health(opened: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as error:
        health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=10)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def test_who_watches_learns_that_the_server_stops(start_engine: StartServer) -> None:
    server = start_engine(options=("--drain-timeout", 600))
    with channel(server.wait_ready()["grpc"]) as opened:
        watched = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watched).status == SERVING
        server.process.terminate()
        assert next(watched).status == NOT_SERVING
        wait_until(lambda: server.process.poll() is not None)
    assert server.process.returncode == 0


def reflected(opened: grpc.Channel, **question: Any) -> Any:
    stub = reflection_pb2_grpc.ServerReflectionStub(opened)
    (answer,) = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=10)
    return answer


def test_reflection_lists_and_describes_the_services(opened: grpc.Channel) -> None:
    listed = {service.name for service in reflected(opened, list_services="").list_services_response.service}
    assert listed >= {INFERENCE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    described = reflected(opened, file_containing_symbol=INFERENCE).file_descriptor_response.file_descriptor_proto
    files = [descriptor_pb2.FileDescriptorProto.FromString(each) for each in described]
    (service,) = [each for file in files for each in file.service if each.name == "GRPCInferenceService"]
    assert {"ModelInfer", "ModelStreamInfer", "ServerReady"} <= {method.name for method in service.method}
    assert reflected(opened, file_containing_symbol="no.such.Thing").error_response.error_code


@in_loop
async def test_where_it_cannot_listen_is_said_with_its_option(engine: str) -> None:
    async with serving_bundles(grpc_port=0, grpc_unix_socket=Path("/nowhere/x"), grpc_engine=engine) as plane:
        with pytest.raises(UserError, match="--grpc-unix-socket: cannot listen on unix:/nowhere/x; give another one"):
            GrpcServer(plane, Access(None), None)
