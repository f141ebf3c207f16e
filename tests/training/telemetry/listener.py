"""A small HTTP server that remembers what it was sent, and answers as a test tells it."""

import http.server
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.http_server import running


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """By name in lower case."""
    body: str


class Listener(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.status = 200
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Listener

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.command, self.path, headers, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST = answer  # http.server's names

    def log_message(self, *_: object) -> None: ...


@contextmanager
def listening(certificate: Path | None = None, key: Path | None = None) -> Iterator[Listener]:
    """With TLS, if there is a certificate."""
    with Listener() as listener:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
            listener.scheme = "https"
        with running(listener):
            yield listener
