"""nginx before the real TorchServe, and before an upstream that misbehaves as it is told."""

import json
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
import urllib3

from tests.ports import free_port
from tests.serving.certificates import write_certificate
from tests.serving.onnx_server.test_tls import serial_of
from tests.serving.torchserve.upstream import DROP, Upstream
from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.net.addresses import authority
from torchferry.serving.torchserve import gateway as gateways
from torchferry.serving.torchserve.gateway import Gateway
from torchferry.serving.torchserve.launcher import ServerFailed
from torchferry.serving.torchserve.nginx_config import Front, Upstreams
from torchferry.serving.torchserve.settings import HEADROOM, LOOPBACK

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
MODEL = "digits-onnx-fp32"
PATH = f"/predictions/{MODEL}"
SECRET = 'a"b$c.*{d}\\é'
Start = Callable[..., Gateway]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def start(starts_server: None) -> Iterator[Start]:
    """A gateway with what is given, and otherwise one that lets everybody in."""
    started: list[Gateway] = []

    def start(upstream: Upstream | None = None, **given: Any) -> Gateway:
        names = ("port", "grpc_port", "upstream_port", "upstream_grpc_port", "services_port", "page_port")
        settings: dict[str, Any] = {name: free_port() for name in names}
        settings |= {"host": LOOPBACK, "max_body_bytes": 2**20, "timeout": 20, "max_in_flight": 8, "access_log": None}
        settings |= dict.fromkeys(("tokens", "tls_certificate", "tls_key"))
        if upstream:
            settings |= dict.fromkeys(("upstream_port", "page_port"), upstream.server_port)
        settings |= given
        upstreams = Upstreams(
            *(settings.pop(name) for name in ("upstream_port", "upstream_grpc_port", "services_port"))
        )
        gateway = Gateway(Front(**{"upstreams": upstreams} | settings))
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f'ann {SECRET}\nBob$" secret-of-bob 0.02\n')
    return file


def before(addresses: Mapping[str, str]) -> dict[str, int]:
    """The upstream's ports, as Front calls them."""
    port = {
        name: int(addresses[name].removesuffix("/metrics").rpartition(":")[2]) for name in ("rest", "grpc", "metrics")
    }
    return {"upstream_port": port["rest"], "upstream_grpc_port": port["grpc"], "page_port": port["metrics"]}


def ask(
    gateway: Gateway, path: str = PATH, body: Any = b"x", headers: Mapping[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    where = f"http://{LOOPBACK}:{gateway.front.port}{path}"
    return urllib3.request("POST", where, body=body, headers=dict(headers or {}), retries=False)


def bearer(secret: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {secret}".encode().decode("latin-1")}


def code(gateway: Gateway, body: bytes = b"", secret: str = "") -> str:
    """gRPC's, of one call."""
    given = [("authorization", f"Bearer {secret}")] if secret else []
    with grpc.insecure_channel(f"{LOOPBACK}:{gateway.front.grpc_port}", [("grpc.enable_http_proxy", 0)]) as channel:
        request = predictions_grpc.Request(model_name=MODEL, input={"data": body})
        try:
            predictions_grpc.predictions(channel)(request, timeout=30, metadata=given)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def told(answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    """The status of a refusal, which is JSON with both its fields, and its phrase."""
    content = answer.json()
    assert set(content) == {"error", "code", "detail"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"]
    return answer.status, content["error"]


def test_answers_are_those_of_torchserve(start: Start, addresses: dict[str, str], samples: Path) -> None:
    gateway = start(**before(addresses))
    image = next(samples.glob("*/*.png")).read_bytes()
    rest, grpc_target = f"http://{LOOPBACK}:{gateway.front.port}", f"{LOOPBACK}:{gateway.front.grpc_port}"
    with RestClient(rest) as through, RestClient(addresses["rest"]) as direct, GrpcClient(grpc_target) as grpc_through:
        for model in (MODEL, "digits-torch"):
            expected = direct.predict(model, image)
            assert [through.predict(model, image), grpc_through.predict(model, image)] == [expected] * 2
    refused = ask(gateway, body=b"not an image")
    assert (refused.status, "are not an image" in refused.json()["detail"]) == (400, True)
    assert urllib3.request("GET", f"{rest}/readyz").json() == {"ready": True}
    assert urllib3.request("GET", f"{rest}/ping").status == 200
    assert ask(gateway, "/predictions/nobody").status == 404


def test_only_tokens_of_the_file_are_let_in(start: Start, upstream: Upstream, tokens: Path) -> None:
    gateway = start(upstream, tokens=tokens)
    secrets = ("", "wrong", SECRET.replace("a", "A"), SECRET + "x", "x" + SECRET, SECRET.replace(".", "x"))
    for wrong in ({}, bearer(SECRET, "Basic"), *map(bearer, secrets)):
        answer = ask(gateway, headers=wrong)
        assert told(answer) == (401, "Unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert upstream.requests == []
    assert ask(gateway, headers=bearer(SECRET, "bEARER")).status == 200
    assert [ask(gateway, path).status for path in ("/healthz", "/readyz", "/ping")] == [200, 200, 401]


def test_tokens_and_rates_are_those_of_grpc_too(
    start: Start, addresses: dict[str, str], samples: Path, tokens: Path
) -> None:
    gateway = start(tokens=tokens, **before(addresses))
    image = next(samples.glob("*/*.png")).read_bytes()
    codes = [code(gateway, image, secret) for secret in ("", "Secret-of-bob", "secret-of-bob", "secret-of-bob")]
    assert codes == ["UNAUTHENTICATED", "UNAUTHENTICATED", "OK", "RESOURCE_EXHAUSTED"]


def test_each_token_has_a_rate_of_its_own(start: Start, upstream: Upstream, tokens: Path) -> None:
    gateway = start(upstream, tokens=tokens)
    assert ask(gateway, headers=bearer("secret-of-bob")).status == 200
    answer = ask(gateway, headers=bearer("secret-of-bob"))
    assert told(answer) == (429, "Too Many Requests")
    assert (answer.headers["Retry-After"], answer.json()["detail"]) == (
        "50",
        "the token 'Bob$\"' may ask 0.02 times a second",
    )
    assert {ask(gateway, headers=bearer(SECRET)).status for _ in range(20)} == {200}


def test_new_tokens_are_taken_up_and_a_broken_file_changes_nothing(
    start: Start, upstream: Upstream, tokens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = start(upstream, tokens=tokens)
    tokens.write_text("cid secret-of-cid\n")
    gateway.refresh()
    wait_until(lambda: ask(gateway, headers=bearer("secret-of-cid")).status == 200)
    assert ask(gateway, headers=bearer(SECRET)).status == 401
    tokens.write_text("only-a-name\n")
    gateway.refresh()
    gateway.refresh()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "a line is not NAME TOKEN" in said[0]
    assert said[0].endswith("; going on as before")
    assert ask(gateway, headers=bearer("secret-of-cid")).status == 200


def test_both_ports_speak_tls_and_show_a_new_certificate(
    start: Start, addresses: dict[str, str], samples: Path, tmp_path: Path
) -> None:
    certificate, _ = write_certificate(tmp_path, 1)
    files = {"tls_certificate": tmp_path / "certificate.pem", "tls_key": tmp_path / "key.pem"}
    gateway = start(**files, **before(addresses))
    rest, target = (f"{LOOPBACK}:{port}" for port in (gateway.front.port, gateway.front.grpc_port))
    image = next(samples.glob("*/*.png")).read_bytes()
    with urllib3.PoolManager(ca_certs=str(files["tls_certificate"]), retries=False) as pool:
        assert pool.request("POST", f"https://{rest}{PATH}", body=image).status == 200
    with grpc.secure_channel(target, grpc.ssl_channel_credentials(certificate)) as channel:
        request = predictions_grpc.Request(model_name=MODEL, input={"data": image})
        assert json.loads(predictions_grpc.predictions(channel)(request, timeout=30).prediction)["label"]
    assert told(ask(gateway)) == (400, "Bad Request")
    write_certificate(tmp_path, 2)
    gateway.refresh()
    wait_until(lambda: serial_of(rest) == serial_of(target) == 2)


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
    ):
        answer = urllib3.request(method, f"http://{LOOPBACK}:{gateway.front.port}{path}", retries=False)
        assert (told(answer)[0], answer.headers["Allow"]) == (405, allowed)
    assert upstream.requests == []


HEAD = b"POST /predictions/x HTTP/1.1\r\nHost: a\r\n"


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


def test_it_asks_the_server_once_that_is_there(start: Start, upstream: Upstream) -> None:
    gateway = start(upstreams=None)
    ports = SimpleNamespace(inner_rest=upstream.server_port, inner_grpc=1)
    gateway.open(SimpleNamespace(ports=ports), 1)  # type: ignore[arg-type]  # of a server it is asked no more
    assert {ask(gateway).status for _ in range(50)} == {200}


@pytest.mark.parametrize(
    ("host", "asked"), [("localhost", (LOOPBACK, "::1")), ("::", (LOOPBACK, "::1")), ("::1", ("::1",))]
)
def test_it_listens_on_both_families(start: Start, upstream: Upstream, host: str, asked: Sequence[str]) -> None:
    gateway = start(upstream, host=host)
    for address in asked:
        with RestClient(f"http://{authority(address, gateway.front.port)}") as client:
            assert json.loads(client.send(MODEL, b"x")) == {"upstream": 200}
        for port in (gateway.front.port, gateway.front.grpc_port):
            socket.create_connection((address, port)).close()


def test_a_body_that_is_not_here_takes_no_place(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream, max_in_flight=1)
    with ExitStack() as slow:
        for _ in range(8):
            sender = slow.enter_context(socket.create_connection((LOOPBACK, gateway.front.port)))
            sender.sendall(HEAD.replace(b"/x", b"/held") + b"Content-Length: 99\r\n\r\n1")
        upstream.released.set()
        assert ask(gateway, "/predictions/held").status == 200


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


def test_a_drain_loses_no_request_in_flight(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream)
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(ask, gateway, "/predictions/held") for _ in range(4)]
        wait_until(lambda: len(upstream.requests) == 4)
        drained = pool.submit(gateway.drain, 60)
        wait_until(lambda: refuses(gateway.front.port))
        assert not drained.done()
        upstream.released.set()
        assert [request.result().status for request in asked] == [200] * 4
        drained.result()
    assert not gateway.folder.exists()


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) != 0


def test_a_drain_that_takes_too_long_is_ended(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, gateway, "/predictions/held")
        wait_until(lambda: len(upstream.requests) == 1)
        gateway.drain(0.1)
        with pytest.raises(urllib3.exceptions.HTTPError):
            asked.result()


def test_an_id_and_a_trace_go_with_a_request_and_its_token_does_not(
    start: Start, upstream: Upstream, tokens: Path
) -> None:
    gateway = start(upstream, tokens=tokens)
    trace = f"00-{'0' * 31}1-{'0' * 15}1-01"
    answer = ask(gateway, headers={"X-Request-Id": "mine", "traceparent": trace} | bearer(SECRET))
    assert answer.headers.getlist("X-Request-Id") == ["mine"]
    assert len(ask(gateway, headers=bearer(SECRET)).headers["X-Request-Id"]) == 32
    passed = {name.lower(): value for name, value in upstream.requests[0].items()}
    assert (passed["x-request-id"], passed["traceparent"], "authorization" in passed) == ("mine", trace, False)
    assert float(passed["x-request-start"]) > 0


def test_no_body_is_taken_apart_before_a_worker_has_it(start: Start, upstream: Upstream) -> None:
    gateway = start(upstream)
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/csv", None)
    for kind in kinds:
        assert ask(gateway, headers={"Content-Type": kind, "X-Body-Type": "forged"} if kind else {}).status == 200
    passed = [{name.lower(): value for name, value in each.items()} for each in upstream.requests]
    assert {each.get("content-type") for each in passed} == {"application/octet-stream"}
    assert tuple(each.get("x-body-type") for each in passed) == kinds


def test_the_access_log_has_a_json_line_for_each_request(
    start: Start, upstream: Upstream, tokens: Path, tmp_path: Path
) -> None:
    access_log = tmp_path / "access.log"
    gateway = start(upstream, tokens=tokens, access_log=access_log)
    upstream.plan = [507]
    ask(gateway, PATH + '/"', headers={"X-Request-Id": 'a"b'} | bearer("secret-of-bob"))
    ask(gateway)
    code(gateway)
    wait_until(lambda: len(access_log.read_text().splitlines()) == 3)
    first, second, third = map(json.loads, access_log.read_text().splitlines())
    assert (first["request_id"], first["token"], first["status"]) == ('a"b', 'Bob$"', 200)
    assert (first["method"], first["upstream_status"]) == ("POST", "507 : 200")
    assert [(line["token"], line["upstream_status"]) for line in (second, third)] == [("", "")] * 2
    assert second["status"] == 401
    assert first["bytes_in"] > 0 < first["bytes_out"]


def test_nginx_that_ends_by_itself_or_finds_no_port_is_told(start: Start, free_port_in_use: int) -> None:
    gateway = start()
    gateway.check_running()
    assert gateway.process is not None
    gateway.process.signal(signal.SIGKILL)
    gateway.process.process.wait()
    with pytest.raises(ServerFailed, match="the gateway ended with exit code -9"):
        gateway.check_running()
    with pytest.raises(UserError, match=f"--port: cannot listen on {LOOPBACK}:{free_port_in_use}"):
        start(port=free_port_in_use)


def test_a_machine_without_nginx_is_told_what_to_install(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gateways, "SYSTEM_FOLDERS", "")
    with pytest.raises(UserError, match="nginx is not installed; install Debian's nginx-light, or give --gateway none"):
        start()
