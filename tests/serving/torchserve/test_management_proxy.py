"""What is let through to TorchServe's management API; `test_models.py` has a real one behind it."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread

import pytest
import urllib3

from tests.serving.torchserve.tiny_archive import archived
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.auth import Access
from torchferry.serving.torchserve.launcher import TorchServe
from torchferry.serving.torchserve.management_proxy import ManagementProxy, managed
from torchferry.serving.torchserve.settings import Settings
from torchferry.serving.torchserve.wsgi_server import served

JSON = {"Content-Type": "application/json"}
Ask = Callable[..., urllib3.BaseHTTPResponse]


class Asked(BaseHTTPRequestHandler):
    """Says what it was asked."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = [self.command, self.path, body.decode(), self.headers.get("Content-Type", "")]
        self.send_response(202)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *_: object) -> None:
        """The test knows."""


@pytest.fixture
def management(tmp_path: Path) -> Iterator[Path]:
    with ThreadingUnixStreamServer(str(tmp_path / "management"), Asked) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield tmp_path / "management"
        server.shutdown()
        thread.join()


def asking(management: Path, tokens: Path | None = None) -> Iterator[Ask]:
    sockets = listeners("127.0.0.1", 0, "--port")
    where = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    def ask(method: str = "POST", path: str = "/models", body: bytes = b"", **headers: str) -> urllib3.BaseHTTPResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return urllib3.request(method, where + path, body=body, headers=given, retries=False)

    with served(ManagementProxy(management, Access(tokens, own_key="our-key")).answer, sockets, "management"):
        yield ask


@pytest.fixture
def ask(management: Path) -> Iterator[Ask]:
    yield from asking(management)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text("ann of-an-admin admin\nbob of-bob\n")
    return file


@pytest.fixture
def ask_with_tokens(management: Path, tokens: Path) -> Iterator[Ask]:
    yield from asking(management, tokens)


def test_what_is_asked_on_purpose_reaches_torchserve(ask: Ask) -> None:
    for method, path in (("GET", "/models/a%20b?limit=2"), ("POST", "/models?url=a.mar"), ("DELETE", "/models/m/1.0")):
        answer = ask(method, path, **({} if method == "GET" else {"Content_Type": "application/json; charset=utf-8"}))
        assert (answer.status, answer.json()) == (202, [method, path, "", ""])
    assert ask("PUT", body=b"{}", Content_Type="application/json").json()[2:] == ["{}", "application/json"]


@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        ("POST", {}, 415, "unsupported_type"),
        ("POST", {"Content_Type": "text/plain"}, 415, "unsupported_type"),
        ("DELETE", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "unsupported_type"),
        ("POST", {"Host": "evil.example", **JSON}, 403, "forbidden"),
        ("GET", {"Host": "evil.example"}, 403, "forbidden"),
        ("GET", {"Origin": "http://evil.example"}, 403, "forbidden"),
        ("POST", {"Origin": "null", "Content_Type": "application/json"}, 403, "forbidden"),
    ],
)
def test_what_a_web_page_can_send_is_refused(
    ask: Ask, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = ask(method, **headers)
    assert (answer.status, answer.json()["code"], set(answer.json())) == (status, code, {"error", "code", "detail"})


def test_a_long_body_is_refused(ask: Ask) -> None:
    assert ask(body=bytes(65_537), Content_Type="application/json").status == 413


def test_a_body_in_chunks_is_refused(ask: Ask) -> None:
    answer = ask(body=iter([b"{}"]), Content_Type="application/json")
    assert (answer.status, answer.json()["code"]) == (413, "too_large")


def test_a_refusal_of_head_has_no_body(management: Path) -> None:
    said: list[str] = []
    environ = {"REQUEST_METHOD": "HEAD", "PATH_INFO": "/models", "HTTP_HOST": "evil.example"}
    body = ManagementProxy(management, Access(None)).answer(environ, lambda status, _: said.append(status))
    assert (said, body) == (["403 Forbidden"], [])


def test_where_there_are_tokens_an_administrators_or_our_own_is_needed(ask_with_tokens: Ask, tokens: Path) -> None:
    def status(authorization: str, method: str = "POST") -> int:
        answer = ask_with_tokens(method, Content_Type="application/json", Authorization=authorization)
        assert answer.headers.get("WWW-Authenticate") == ("Bearer" if answer.status == 401 else None)
        return answer.status

    for wrong in ("", "Bearer of-somebody", "Basic our-key", "our-key"):
        assert [status(wrong, method) for method in ("GET", "POST")] == [401, 401]
    assert status("Bearer of-bob") == 403
    assert status("Bearer of-an-admin") == status("Bearer our-key") == 202
    tokens.write_text("ann another admin\n")
    assert [status(f"Bearer {secret}") for secret in ("of-an-admin", "another")] == [401, 202]
    tokens.write_text("only-a-name\n")
    assert status("Bearer another") == 202


def test_another_port_is_taken_where_somebody_else_has_it_meanwhile(tmp_path: Path, free_port_in_use: int) -> None:
    archive = archived(tmp_path / "store")
    server = TorchServe([archive], Settings(port=0, grpc_port=0, metrics_port=0, gateway="none"))
    try:
        server.ports = dataclasses.replace(server.ports, management=free_port_in_use)
        with managed(server):
            assert server.ports.management != free_port_in_use
            where = f"http://127.0.0.1:{server.ports.management}/models"
            assert urllib3.request("GET", where).json()["code"] == "unavailable"
    finally:
        server.stop()


def test_a_torchserve_that_is_gone_is_told(tmp_path: Path) -> None:
    for ask in asking(tmp_path / "none"):
        answer = ask("GET")
        assert (answer.status, answer.json()["code"]) == (503, "unavailable")
