"""Requests over a unix socket."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread

import pytest
import urllib3

from torchferry.serving.torchserve.unix_socket import UnixPool


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:
        """The test knows."""


def test_who_listens_there_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with ThreadingUnixStreamServer(str(path), Answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            assert UnixPool(path, timeout=5).request("GET", "/a?b=c").data == b"/a?b=c"
        finally:
            server.shutdown()
            thread.join()


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(urllib3.exceptions.NewConnectionError, match=f"{tmp_path}/none: No such file"):
        UnixPool(tmp_path / "none", retries=False).request("GET", "/")
