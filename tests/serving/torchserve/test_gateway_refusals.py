"""Refusals of nginx and of what is behind it: each has its code, and a refused client keeps nothing."""

import json
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving.torchserve.asking_gateway import PATH, SECRET, Start, ask, bearer, code, told
from tests.serving.torchserve.upstream import DROP, Upstream
from tests.waiting import wait_until
from torchferry.serving.cli.server_settings import HEADROOM
from torchferry.serving.torchserve.gateway import Gateway
from torchferry.serving.torchserve.grpc_services import GrpcServices
from torchferry.serving.torchserve.settings import LOOPBACK

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
HEAD = b"POST /predictions/x HTTP/1.1\r\nHost: a\r\n"


def test_too_large_a_body_is_refused_whether_its_length_is_told_or_not(
    start: Start, upstream: Upstream, free_port_in_use: int
) -> None:
    gateway = start(upstream, max_body_bytes=100, upstream_grpc_port=free_port_in_use)
    assert (
        told(ask(gateway, body=bytes(101))) == told(ask(gateway, body=iter([bytes(101)]))) == (413, "Content Too Large")
    )
    assert upstream.requests == []
    assert ask(gateway, body=bytes(100)).status == 200
    assert code(gateway, bytes(101 + HEADROOM)) == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("status", [400, 408, 413, 422, 429])
def test_what_the_upstream_refuses_is_told_as_it_says(start: Start, upstream: Upstream, status: int) -> None:
    upstream.plan = [status] * 2
    answer = ask(start(upstream))
    assert (answer.status, answer.json()) == (status, {"upstream": status})


def test_a_model_that_does_not_answer_in_time_is_a_504(start: Start, upstream: Upstream, free_port_in_use: int) -> None:
    gateway = start(upstream, timeout=0.3, upstream_grpc_port=free_port_in_use)
    assert told(ask(gateway, "/predictions/held")) == (504, "Gateway Timeout")
    assert code(gateway) == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    ("status", "path", "kind"), [(404, PATH, "unknown_model"), (404, "/models/m/invoke", "not_found"), (405, PATH, "")]
)
def test_what_is_not_there_is_told_by_its_code(
    start: Start, upstream: Upstream, status: int, path: str, kind: str
) -> None:
    upstream.plan = [status]
    answer = ask(start(upstream), path)
    assert (told(answer)[0], answer.json()["code"]) == (status, kind or "method_not_allowed")


def test_a_query_that_nobody_would_read_is_refused(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream)
    answer = ask(gateway, PATH + "?top_k=3")
    assert (told(answer)[0], answer.json()["code"], upstream.requests) == (422, "wrong_parameter", [])
    assert urllib3.request("GET", f"http://{LOOPBACK}:{gateway.front.port}/ping?a=b", retries=False).status == 200


def test_a_path_takes_its_methods(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream)
    for method, path, allowed in (
        ("GET", PATH, "POST, PUT"),
        ("DELETE", PATH, "POST, PUT"),
        ("POST", "/ping", "GET, HEAD"),
        ("GET", "/predictions/%0Aa%20POST", "POST, PUT"),
    ):
        answer = urllib3.request(method, f"http://{LOOPBACK}:{gateway.front.port}{path}", retries=False)
        assert (told(answer)[0], answer.headers["Allow"]) == (405, allowed)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505, "http_version_not_supported"),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        (b"GET /refused HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
        (b"GET /read HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 20_000), 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"a" * 40_000), 400, "bad_request"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501, "not_implemented"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_request"),
        (HEAD + b"Content-Length: 99999999\r\n\r\n", 413, "too_large"),
    ],
)
def test_whatever_nginx_refuses_is_json_and_ends_the_connection(
    start: Start, upstream: Upstream, sent: bytes, status: int, kind: str
) -> None:
    with socket.create_connection((LOOPBACK, start(upstream).front.port)) as sender:
        sender.sendall(sent)
        head, body = sender.makefile("rb").read().split(b"\r\n\r\n", 1)
    lines = head.lower().split(b"\r\n")
    assert (lines[0].split()[1], json.loads(body)["code"]) == (b"%d" % status, kind)
    assert {b"content-type: application/json", b"connection: close"} <= {*lines}


def test_a_refused_client_that_goes_on_sending_is_cut_off(start: Start, upstream: Upstream, tokens: Path) -> None:
    gateway = start(upstream, tokens=tokens)
    with socket.create_connection((LOOPBACK, gateway.front.port)) as sender:
        sender.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        assert b"Connection: close" in sender.recv(4096)

        def is_cut_off() -> bool:
            try:
                sender.sendall(b"x")
            except OSError:
                return True
            return False

        wait_until(is_cut_off)


def test_before_the_server_is_there_every_request_is_to_be_tried_later(start: Start, tokens: Path) -> None:
    gateway = start(upstreams=None, tokens=tokens)
    for path in (PATH, "/readyz"):
        answer = ask(gateway, path)
        assert told(answer) == (503, "Service Unavailable")
        assert (answer.json()["code"], answer.headers["Retry-After"]) == ("unavailable", "1")
    assert ask(gateway, "/healthz").status == 200
    assert code(gateway) == "UNAVAILABLE"


def test_a_body_that_is_not_here_takes_no_place(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream, max_in_flight=1)
    with ExitStack() as slow:
        for _ in range(8):
            sender = slow.enter_context(socket.create_connection((LOOPBACK, gateway.front.port)))
            sender.sendall(HEAD.replace(b"/x", b"/held") + b"Content-Length: 99\r\n\r\n1")
        upstream.released.set()
        assert ask(gateway, "/predictions/held").status == 200


def test_a_client_leaves_places_to_others(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream, max_in_flight=4, trusted_proxy=["127.0.0.1", "10.0.0.0/8"])

    def held_by(client: str) -> urllib3.BaseHTTPResponse:
        return ask(gateway, "/predictions/held", headers={"X-Forwarded-For": client})

    with ThreadPoolExecutor(4) as pool:
        # Whatever a client says itself stands before what its proxies add.
        first = [pool.submit(held_by, client) for client in ("8.8.8.8, 10.0.0.1", "9.9.9.9, 8.8.8.8")]
        wait_until(lambda: len(upstream.requests) == 2)
        refused = held_by("7.7.7.7, 8.8.8.8, 10.0.0.2")
        assert (told(refused)[0], refused.json()["code"]) == (429, "overloaded")
        assert (refused.headers["Retry-After"], refused.headers["Connection"]) == ("1", "close")
        others = [pool.submit(held_by, client) for client in ("9.9.9.9", "2001:db8::1")]
        wait_until(lambda: len(upstream.requests) == 4)
        upstream.released.set()
        assert [request.result().status for request in (*first, *others)] == [200] * 4


def test_a_client_is_a_token_or_an_address_or_a_network_of_ipv6(start: Start, upstream: Upstream, tokens: Path) -> None:
    """As the ONNX Runtime server has it."""
    given = {"max_client_connections": 1, "max_in_flight": 200, "trusted_proxy": ["::1", "127.0.0.1"]}
    gateway = start(upstream, host="::", **given)
    with_tokens = start(upstream, tokens=tokens, **given)

    def held_by(client: str, of: Gateway = gateway, secret: str = "") -> urllib3.BaseHTTPResponse:
        headers = {"X-Forwarded-For": client} | (bearer(secret) if secret else {})
        return ask(of, "/predictions/held", headers=headers)

    def held_from(address: str) -> urllib3.BaseHTTPResponse:
        """Which the gateway sees as one of IPv6, ::ffff:127.0.0.2."""
        with urllib3.HTTPConnectionPool(LOOPBACK, gateway.front.port, source_address=(address, 0)) as pool:
            return pool.request("POST", "/predictions/held", body=b"x", retries=False)

    asked = ["2001:db8::1", "2001:db8:0:0:a::", "2001:db8:0:1::1", "fe80::1", "fe80::2", "8.8.8.8", "8.8.8.9"]
    with ThreadPoolExecutor(len(asked) + 3) as pool:
        answers = [pool.submit(held_by, client) for client in asked]
        answers += [pool.submit(held_from, address) for address in ("127.0.0.2", "127.0.0.3")]
        wait_until(lambda: len(upstream.requests) == len(answers) - 1)
        again = [held_by(client).status for client in ("2001:db8::2", "fe80::1", "8.8.8.8")]
        token = pool.submit(held_by, "8.8.8.8", with_tokens, SECRET)
        wait_until(lambda: len(upstream.requests) == len(answers))
        again.append(held_by("8.8.8.9", with_tokens, SECRET).status)
        upstream.released.set()
        assert again == [429] * 4
        assert sorted(answer.result().status for answer in answers) == [200] * (len(answers) - 1) + [429]
        assert token.result().status == 200


def test_a_client_has_so_many_requests_over_all_models(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream, max_client_connections=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, gateway, "/predictions/held")
        wait_until(lambda: len(upstream.requests) == 1)
        # Nobody is trusted, so that it is the same client, whatever it says.
        assert told(ask(gateway, headers={"X-Forwarded-For": "9.9.9.9"})) == (429, "Too Many Requests")
        upstream.released.set()
        assert first.result().status == 200


def test_a_client_leaves_grpc_calls_to_others(start: Start, free_port_in_use: int) -> None:
    gateway = start(
        upstream_grpc_port=free_port_in_use,
        services_port=free_port_in_use,
        max_in_flight=2,
        timeout=3,
        trusted_proxy=["127.0.0.1"],
    )
    calls = ["8.8.8.8", "8.8.8.8", "9.9.9.9"]
    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(lambda client: code(gateway, client=client), calls))
    assert sorted(codes[:2]) + codes[2:] == ["DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"]


def test_a_client_has_so_many_calls_of_health_and_is_told_of_readiness_beside_them(
    start: Start, upstream: Upstream
) -> None:
    """Whoever checks health by it holds a Watch for each channel, for ever."""
    services = GrpcServices(lambda: "")
    with services.running(), ExitStack() as watching:
        gateway = start(upstream, services_port=services.port, max_client_connections=40)

        def watch() -> str:
            channel = grpc.insecure_channel(f"{LOOPBACK}:{gateway.front.grpc_port}", [("grpc.enable_http_proxy", 0)])
            call = health_pb2_grpc.HealthStub(watching.enter_context(channel)).Watch(health_pb2.HealthCheckRequest())
            watching.callback(call.cancel)  # which a call that nobody has is at once
            try:
                return str(health_pb2.HealthCheckResponse.ServingStatus.Name(next(call).status))
            except grpc.RpcError as error:
                return str(error.code().name)

        assert [watch() for _ in range(41)] == ["SERVING"] * 40 + ["RESOURCE_EXHAUSTED"]
        assert ask(gateway, "/readyz").status == 200


def test_a_model_has_any_name_that_is_not_too_long(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream)
    for path in ("/predictions/%s", "/v1/models/%s:predict"):
        assert told(ask(gateway, path % ("x" * 201)))[0] in (404, 405)
    assert upstream.requests == []
    for path in ("x" * 200, "a%20GET", "%0A"):
        assert ask(gateway, f"/predictions/{path}").status == 200


def test_a_model_has_so_many_requests_at_a_time(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream, max_in_flight=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, gateway, "/predictions/held")
        wait_until(lambda: len(upstream.requests) == 1)
        for path in ("/predictions/held/1.0", "/v2/models/held/infer", "/v1/models/held:predict"):
            answer = ask(gateway, path)
            assert told(answer) == (429, "Too Many Requests")
            assert (answer.json()["code"], answer.headers["Retry-After"]) == ("overloaded", "1")
        assert ask(gateway).status == ask(gateway, "/healthz").status == ask(gateway, "/readyz").status == 200
        upstream.released.set()
        assert first.result().status == 200


def test_grpc_has_so_many_calls_at_a_time(start: Start, free_port_in_use: int) -> None:
    gateway = start(upstream_grpc_port=free_port_in_use, max_in_flight=1, timeout=3)
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(lambda _: code(gateway), range(2))) == {"DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize("failure", [500, 503, 507, DROP])
def test_what_failed_once_is_asked_a_second_time(start: Start, upstream: Upstream, failure: int) -> None:
    gateway = start(upstream)
    assert ask(gateway).status == 200  # a connection to the upstream is kept now
    upstream.plan = [failure]
    assert ask(gateway, body=bytes(2**20)).status == 200
    first, second = upstream.requests[1:]
    assert second["Content-Length"] == str(2**20)
    assert second["connection from"] not in {request["connection from"] for request in upstream.requests[:-1]}
    assert [first[name] for name in ("X-Request-Id", "X-Request-Start")] == [
        second[name] for name in ("X-Request-Id", "X-Request-Start")
    ]


@pytest.mark.parametrize("failure", [503, 507, DROP])
def test_what_failed_twice_is_to_be_tried_later(start: Start, upstream: Upstream, failure: int) -> None:
    upstream.plan = [failure] * 2
    answer = ask(start(upstream))
    assert told(answer) == (503, "Service Unavailable")
    assert (answer.headers["Retry-After"], len(upstream.requests)) == ("1", 2)


def test_a_second_500_is_told_by_its_code(start: Start, upstream: Upstream) -> None:
    upstream.plan = [507, 500]
    answer = ask(start(upstream))
    assert (told(answer), answer.json()["code"]) == ((500, "Internal Server Error"), "inference_failed")


def test_an_upstream_that_is_gone_is_told_on_both_ports(start: Start) -> None:
    gateway = start()
    assert told(ask(gateway)) == told(ask(gateway, "/readyz")) == (503, "Service Unavailable")
    assert ask(gateway, "/healthz").status == 200
    assert code(gateway) == "UNAVAILABLE"
