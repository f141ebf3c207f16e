"""Health and reflection over gRPC, which TorchServe has not."""

from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving.reflecting import services_of
from tests.waiting import wait_until
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.torchserve.grpc_services import GrpcServices

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Ready:
    def __init__(self) -> None:
        self.why, self.asked = "", 0
        self.fault: Exception | None = None

    def __call__(self) -> str:
        self.asked += 1
        if self.fault:
            raise self.fault
        return self.why


@pytest.fixture
def ready() -> Ready:
    return Ready()


@pytest.fixture
def channel(ready: Ready) -> Iterator[grpc.Channel]:
    services = GrpcServices(ready)
    with services.running(), grpc.insecure_channel(f"127.0.0.1:{services.port}") as channel:
        yield channel


def test_health_is_asked_for_when_somebody_wants_to_know(channel: grpc.Channel, ready: Ready) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    assert ready.asked == 0
    for service in ("", predictions_grpc.SERVICE):
        ready.why = ""
        assert check(health_pb2.HealthCheckRequest(service=service)).status == SERVING
        ready.why = "no model is left"
        assert check(health_pb2.HealthCheckRequest(service=service)).status == NOT_SERVING
    with pytest.raises(grpc.RpcError) as unknown:
        check(health_pb2.HealthCheckRequest(service="nobody"))
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


def test_who_watches_is_told_of_a_change(channel: grpc.Channel, ready: Ready) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == SERVING
    ready.why = "no model is left"
    assert next(watch).status == NOT_SERVING
    watch.cancel()
    wait_until(lambda: not watch.is_active())


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_names_what_the_gateway_leads_to(channel: grpc.Channel, version: str) -> None:
    assert {predictions_grpc.SERVICE, "grpc.health.v1.Health"} <= services_of(channel, version)


def test_a_fault_of_the_question_is_not_ready_and_the_next_is_answered(channel: grpc.Channel, ready: Ready) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == SERVING
    ready.fault = FileNotFoundError("an archive has gone")
    assert next(watch).status == NOT_SERVING
    ready.fault = None
    assert next(watch).status == SERVING
    watch.cancel()


def test_what_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object) -> None:
        raise RuntimeError("no port")

    monkeypatch.setattr("torchferry.serving.torchserve.grpc_services.add_reflection", refuse)
    with pytest.raises(RuntimeError, match="no port"), GrpcServices(Ready()).running():
        pass
