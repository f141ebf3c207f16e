"""Traces: the caller's is taken over and answered, and spans reach a collector over OTLP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.conftest import StartServer
from tests.waiting import wait_until
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.onnx_server.trace_context import TraceContext

INFER = "/v2/models/digits/infer"
IMAGE = {"inputs": [tensor("image", np.zeros((1, 1, 8, 8), np.uint8))]}
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{CALLER}-01"}


class Collector(HTTPServer):
    """OTLP over HTTP, read with OpenTelemetry's own messages."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Received)
        self.exports: list[ExportTraceServiceRequest] = []

    def spans(self) -> list[Span]:
        resources = [resource for export in self.exports for resource in export.resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]


class Received(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.exports.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield collector
        collector.shutdown()


def test_an_answer_names_a_span_of_its_own_in_the_callers_trace(served: dict[str, str]) -> None:
    said = TraceContext.read(str(ask(served["rest"], INFER, IMAGE, PARENT).headers["traceparent"]))
    assert said is not None
    assert said.trace_id == TRACE
    assert said.flags == "01"
    assert said.span_id != CALLER


@pytest.mark.parametrize("call", ["ModelInfer", "Predictions"])
def test_over_grpc_the_trace_and_the_stages_come_behind_the_answer(served: dict[str, str], call: str) -> None:
    pixels = np.zeros((1, 1, 8, 8), np.uint8)
    with grpc.insecure_channel(served["grpc"]) as channel:
        if call == "ModelInfer":
            request = messages.ModelInferRequest(model_name="digits", raw_input_contents=[pixels.tobytes()])
            request.inputs.add(name="image", datatype="UINT8", shape=pixels.shape)
            method = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer
        else:
            request = predictions_grpc.Request(model_name="digits", input={"data": json.dumps(IMAGE).encode()})
            method = predictions_grpc.predictions(channel)
        _, answered = method.with_call(request, metadata=tuple(PARENT.items()))
    said = dict(answered.trailing_metadata())
    trace = TraceContext.read(str(said["traceparent"]))
    assert trace is not None
    assert (trace.trace_id, trace.span_id != CALLER) == (TRACE, True)
    assert "inference;dur=" in str(said["server-timing"])


def test_without_a_trace_there_is_none(served: dict[str, str]) -> None:
    assert ask(served["rest"], INFER, IMAGE).headers["traceparent"] is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{CALLER}",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
    ],
)
def test_what_is_no_traceparent_is_left_aside(served: dict[str, str], header: str) -> None:
    answer = ask(served["rest"], INFER, IMAGE, {"traceparent": header})
    assert answer.status == 200
    assert answer.headers["traceparent"] is None


def test_spans_of_a_request_and_its_stages_reach_the_collector(start_server: StartServer, collector: Collector) -> None:
    server = start_server()
    addresses = server.wait_ready()
    answered = ask(addresses["rest"], INFER, IMAGE, PARENT).headers["traceparent"]
    wait_until(lambda: len(collector.spans()) >= 6)
    spans = {span.name: span for span in collector.spans()}
    assert set(spans) == {"infer", "decode", "queue", "batch_wait", "inference", "encode"}
    request = spans.pop("infer")
    assert f"00-{request.trace_id.hex()}-{request.span_id.hex()}-01" == answered
    assert request.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == CALLER
    for span in spans.values():
        assert span.parent_span_id == request.span_id
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    attributes = {entry.key: entry.value.string_value for entry in request.attributes}
    assert attributes["torchferry.model"] == "digits"
    assert attributes["torchferry.outcome"] == "ok"


def test_what_is_left_is_sent_before_the_end(
    start_server: StartServer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    server = start_server()
    ask(server.wait_ready()["rest"], INFER, IMAGE, PARENT)
    assert not collector.spans()
    server.stop()
    assert server.process.returncode == 0
    assert "infer" in {span.name for span in collector.spans()}


def test_a_collector_that_is_away_harms_nobody(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    server = start_server()
    assert ask(server.wait_ready()["rest"], INFER, IMAGE).status == 200
    server.stop()
    assert server.process.returncode == 0
