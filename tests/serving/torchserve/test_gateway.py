"""nginx before the real TorchServe, and before an upstream that misbehaves as it is told."""

import json
import shutil
import signal
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
import urllib3

from tests.serving.certificates import write_certificate
from tests.serving.onnx_server.test_tls import serial_of
from tests.serving.torchserve.asking_gateway import MODEL, PATH, SECRET, Start, ask, bearer, before, code, told
from tests.serving.torchserve.upstream import Upstream
from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.net.addresses import authority
from torchferry.serving.torchserve import gateway as gateways
from torchferry.serving.torchserve.broken import Broken
from torchferry.serving.torchserve.launcher import ServerFailed
from torchferry.serving.torchserve.settings import LOOPBACK, Sockets

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


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


def test_it_asks_the_server_once_that_is_there(start: Start, upstream: Upstream, tmp_path: Path) -> None:
    gateway = start(upstreams=None)
    server: Any = SimpleNamespace(
        url=f"{LOOPBACK}:{upstream.server_port}",
        ports=SimpleNamespace(inner_grpc=1),
        sockets=Sockets(tmp_path),
        broken=Broken(skip=True),
        management=None,
    )
    gateway.open(server, 1)  # it is asked no more
    assert {ask(gateway).status for _ in range(50)} == {200}


def test_while_no_model_is_left_any_name_is_to_be_tried_later(start: Start, upstream: Upstream) -> None:
    said: list[list[str] | UserError] = []

    def models(_seconds: float) -> list[str]:
        if isinstance(said[-1], UserError):
            raise said[-1]
        return said[-1]

    gateway = start(upstream)
    gateway.management = SimpleNamespace(models=models)  # type: ignore[assignment]
    upstream.plan = [404] * 1000
    for names, status in (([], 503), (UserError("nothing"), 503), (["a"], 404), (UserError("nothing"), 404)):
        said.append(names)
        gateway.refresh()
        wait_until(lambda status=status: ask(gateway).status == status)  # type: ignore[misc]


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


def test_what_we_alone_say_to_workers_is_not_taken_from_clients(start: Start, upstream: Upstream) -> None:
    assert ask(start(upstream), headers={GOLDEN: "1", "Explain": "True", "X-Request-Start": "1"}).status == 200
    passed = {name.lower(): value for name, value in upstream.requests[0].items()}
    assert not {GOLDEN, "explain"} & passed.keys()
    assert passed["x-request-start"] != "1"


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


def test_nginx_that_ends_by_itself_or_finds_no_port_is_told(
    start: Start, free_port_in_use: int, tmp_path: Path
) -> None:
    gateway = start()
    gateway.check_running()
    assert gateway.process is not None
    gateway.process.signal(signal.SIGKILL)
    gateway.process.process.wait()
    with pytest.raises(ServerFailed, match="the gateway ended with exit code -9"):
        gateway.check_running()
    server: Any = SimpleNamespace(
        url=f"{LOOPBACK}:1",
        ports=SimpleNamespace(inner_grpc=1),
        sockets=Sockets(tmp_path),
        broken=Broken(skip=True),
        management=None,
    )
    with pytest.raises(ServerFailed, match="the gateway ended with exit code -9"):
        gateway.open(server, 1)
    with pytest.raises(UserError, match=f"--port: cannot listen on {LOOPBACK}:{free_port_in_use}"):
        start(port=free_port_in_use)


def test_a_machine_without_nginx_is_told_what_to_install(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gateways, "SYSTEM_FOLDERS", "")
    with pytest.raises(UserError, match="nginx is not installed; install Debian's nginx-light, or give --gateway none"):
        start()
