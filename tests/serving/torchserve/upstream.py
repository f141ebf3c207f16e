"""A server that misbehaves as it is told, for the gateway to stand before."""

import http.server
import json
import threading
from collections.abc import Mapping
from typing import Any

from torchferry.serving.torchserve.settings import LOOPBACK

DROP = 0
"""For a status: the upstream hangs up instead."""


class Upstream(http.server.ThreadingHTTPServer):
    """Answers with the planned statuses, then with 200, and holds the model `held` until it is released."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Answer)
        self.plan: list[int] = []
        self.requests: list[Mapping[str, str]] = []
        self.released = threading.Event()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a kept connection's body would wait 40 ms for the head to be acknowledged
    server: Upstream

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(dict(self.headers) | {"connection from": str(self.client_address)})
        if "held" in self.path:
            self.server.released.wait(60)
        status = self.server.plan.pop(0) if self.server.plan else 200
        self.close_connection = status == DROP
        if status != DROP:
            body = json.dumps({"upstream": status}).encode()
            self.send_response(status)
            self.send_header("x-request-id", "one of its own")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *_: Any) -> None:
        """The test knows."""
