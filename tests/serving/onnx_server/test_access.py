"""Tokens, rate limits and the access log on a running server."""

import json
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2_grpc

from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, body, message, outcomes, stub
from tests.waiting import wait_until

NO_TOKEN = "send Authorization: Bearer TOKEN"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(address: str, metadata: Mapping[str, str]) -> str:
    with stub(address) as calls:
        try:
            calls.ModelInfer(message(), metadata=tuple((name.lower(), value) for name, value in metadata.items()))
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text("# who, token, requests a second\nann secret-of-ann\nbob secret-of-bob 0.01\n")
    return file


def test_without_a_token_only_health_is_told(start_engine: StartServer, tokens: Path) -> None:
    addresses = start_engine(options=("--tokens", tokens)).wait_ready()
    rest = addresses["rest"]
    for headers in ({}, bearer("wrong"), bearer(""), {"Authorization": "Basic secret-of-ann"}, bearer("é")):
        answer = ask(rest, INFER, body(), headers)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert NO_TOKEN in answer.json["detail"]
    for path in ("/v2/models/digits", "/v2", "/v2/models/stats"):
        assert ask(rest, path).status == 401
    assert ask(rest, "/v2/health/live").status == ask(rest, "/v2/health/ready").status == 200
    assert ask(rest, INFER, body(), bearer("secret-of-ann")).status == 200
    assert [code(addresses["grpc"], given) for given in ({}, bearer("wrong"))] == ["UNAUTHENTICATED"] * 2
    assert code(addresses["grpc"], bearer("secret-of-ann")) == "OK"
    with grpc.insecure_channel(addresses["grpc"]) as channel:
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as error:
            list(service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(iter([message()])))
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_each_token_has_a_rate_of_its_own(start_server: StartServer, tokens: Path) -> None:
    addresses = start_server(options=("--tokens", tokens)).wait_ready()
    assert ask(addresses["rest"], INFER, body(), bearer("secret-of-bob")).status == 200
    answer = ask(addresses["rest"], INFER, body(), bearer("secret-of-bob"))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "100")
    assert "'bob' may ask 0.01 times a second" in answer.json["detail"]
    assert "secret" not in answer.json["detail"]
    assert code(addresses["grpc"], bearer("secret-of-bob")) == "RESOURCE_EXHAUSTED"
    for _ in range(20):
        assert ask(addresses["rest"], INFER, body(), bearer("secret-of-ann")).status == 200


def test_each_request_of_a_stream_counts(start_engine: StartServer, tokens: Path) -> None:
    addresses = start_engine(options=("--tokens", tokens)).wait_ready()
    found = {}
    with grpc.insecure_channel(addresses["grpc"]) as channel:
        for name in ("ann", "bob"):
            metadata = (("authorization", f"Bearer secret-of-{name}"),)
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            answers = stub.ModelStreamInfer(iter([message()] * 3), metadata=metadata)
            found[name] = [answer.error_message for answer in answers]
    refused = "the token 'bob' may ask 0.01 times a second"
    assert found == {"ann": ["", "", ""], "bob": ["", refused, refused]}


def test_the_tokens_are_read_again_and_a_broken_file_changes_nothing(start_server: StartServer, tokens: Path) -> None:
    server = start_server(options=("--tokens", tokens))
    rest = server.wait_ready()["rest"]
    tokens.write_text("cid secret-of-cid\n")
    wait_until(lambda: ask(rest, INFER, body(), bearer("secret-of-cid")).status == 200)
    assert ask(rest, INFER, body(), bearer("secret-of-ann")).status == 401
    tokens.write_text("only-a-name\n")
    wait_until(lambda: "a line is not NAME TOKEN" in server.log.read_text())
    assert "going on as before" in server.log.read_text()
    assert ask(rest, INFER, body(), bearer("secret-of-cid")).status == 200


def test_the_access_log_has_a_json_line_for_each_request(start_server: StartServer, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    server = start_server(options=("--access-log", log))
    addresses = server.wait_ready()
    trace = "0" * 31 + "1"
    headers = {"X-Request-Id": "mine", "traceparent": f"00-{trace}-{'0' * 15}1-01"}
    assert ask(addresses["rest"], INFER, body(), headers).status == 200
    assert ask(addresses["rest"], INFER, body(datatype="FP32")).status == 422
    assert code(addresses["grpc"], {}) == "OK"
    wait_until(lambda: sum(outcomes(addresses["metrics"]).values()) == 3)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["protocol"], line["outcome"]) for line in lines] == [
        ("rest", "ok"),
        ("rest", "client_error"),
        ("grpc", "ok"),
    ]
    first, second, _ = lines
    assert (first["model"], first["version"], first["request_id"], first["trace_id"]) == (
        "digits",
        "1.0",
        "mine",
        trace,
    )
    assert set(first["stages_ms"]) >= {"decode", "queue", "inference", "encode"}
    assert (first["detail"], "the model takes UINT8" in second["detail"]) == (None, True)
