"""gRPC deadlines, cancellation by the client, and streams at shutdown."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2_grpc

from tests.server import Server
from tests.serving.onnx_server.calling import call, channel, infer_request
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.telemetry.scraping import value
from tests.waiting import wait_until

MODEL = {"model": "digits", "version": "1.0"}


@pytest.fixture(scope="module")
def patient(
    starts_server: None, engine: str, bundle: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A server that waits ten seconds for a batch to fill, so that a request of one sample is in its queue for long."""
    options = ("--max-delay-ms", 10_000, "--max-batch", 8, "--grpc-engine", engine)
    server = Server(bundle, folder=tmp_path_factory.mktemp("patient"), runtime="onnx", options=options)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def images(samples: int, **fields: Any) -> Any:
    return infer_request("digits", {"image": np.zeros((samples, 1, 8, 8), np.uint8)}, **fields)


def outcome(addresses: dict[str, str], *names: str) -> float:
    return sum(value(addresses, "requests_total", **MODEL, protocol="grpc", outcome=name) for name in names)


def left_alone(addresses: dict[str, str]) -> bool:
    return value(addresses, "queue_depth", **MODEL) == value(addresses, "in_flight", **MODEL) == 0


def test_a_full_batch_does_not_wait(patient: dict[str, str]) -> None:
    assert call(patient["grpc"], "ModelInfer", images(8), timeout=5).outputs[0].shape == [8, 10]


def test_the_calls_deadline_is_the_requests(patient: dict[str, str]) -> None:
    before = outcome(patient, "deadline", "cancelled")
    with pytest.raises(grpc.RpcError) as error:
        call(patient["grpc"], "ModelInfer", images(1), timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: outcome(patient, "deadline", "cancelled") == before + 1, 5)
    assert left_alone(patient)


def test_a_shorter_time_in_the_request_counts(patient: dict[str, str]) -> None:
    before = outcome(patient, "deadline")
    request = images(1)
    request.parameters["timeout"].int64_param = 200_000
    with pytest.raises(grpc.RpcError, match="the request was not answered within its time") as error:
        call(patient["grpc"], "ModelInfer", request, timeout=9)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert outcome(patient, "deadline") == before + 1
    assert left_alone(patient)


def test_no_time_at_all_is_not_forever(asked: dict[str, str]) -> None:
    def exceeds() -> bool:
        try:
            call(asked["grpc"], "ModelInfer", images(1), timeout=0)
        except grpc.RpcError as error:
            return error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        return False  # the answer was there before the client's clock had looked

    wait_until(exceeds)


def test_who_hangs_up_leaves_the_queue(patient: dict[str, str]) -> None:
    before = outcome(patient, "cancelled")
    with channel(patient["grpc"]) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        one = stub.ModelInfer.future(images(1), timeout=9)
        stream = stub.ModelStreamInfer(iter([images(1, model_version="1.0")]), timeout=9)
        wait_until(lambda: value(patient, "queue_depth", **MODEL) == 2, 5)
        one.cancel()
        stream.cancel()
        wait_until(lambda: left_alone(patient), 5)
        assert (one.code(), stream.code()) == (grpc.StatusCode.CANCELLED, grpc.StatusCode.CANCELLED)
    wait_until(lambda: outcome(patient, "cancelled") == before + 2, 5)


def test_a_stream_that_never_pauses_gets_its_answers_and_ends_with_the_server(start_engine: StartServer) -> None:
    server = start_engine(options=("--drain-timeout", 30))
    answered: list[str] = []
    with channel(server.wait_ready()["grpc"]) as opened:
        endless = (images(1, id=str(number)) for number in count())
        stream = service_pb2_grpc.GRPCInferenceServiceStub(opened).ModelStreamInfer(endless, timeout=60)
        with suppress(grpc.RpcError):
            for answer in stream:
                assert not answer.error_message
                answered.append(answer.infer_response.id)
                if len(answered) == 50:
                    server.process.terminate()
    assert (stream.code(), stream.details()) == (
        grpc.StatusCode.UNAVAILABLE,
        "the server is ending; ask another",
    )
    assert answered == [str(number) for number in range(len(answered))]
    assert server.process.wait(20) == 0
    assert "not answered" not in server.log.read_text()
