"""HTTP over a unix socket: connections are kept, and one that cannot be made is an error of urllib3's."""

import http.server
import socketserver
from pathlib import Path

import pytest
import urllib3

from tests.http_server import running
from torchferry.serving.unix_http import UnixPool


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing; the client has no address."""


def test_what_is_posted_comes_back_on_one_connection(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socketserver.ThreadingUnixStreamServer(path, Echo) as server, running(server):
        pool = UnixPool(path, timeout=60, retries=False)
        for content in (b"one", b"two"):
            assert pool.request("POST", "/", body=content).data == content
        assert pool.num_connections == 1
        pool.close()


def test_where_nobody_listens_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        UnixPool(str(tmp_path / "none"), retries=False).request("POST", "/")
