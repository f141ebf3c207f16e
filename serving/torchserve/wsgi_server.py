"""A WSGI application on sockets that listen already, each request in a thread."""

import ipaddress
import json
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client.exposition import ThreadingWSGIServer

from torchferry.serving.errors import NotAllowed, RequestError, TryLater

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], StartResponse], list[bytes]]
IDLE_SECONDS = 10
"""For a client to send the next of its request."""
MOST_OF_ONE = 32
"""Connections of an address of another machine at a time: each has a thread."""


def refused(status: str, code: str, detail: str) -> tuple[str, str, bytes]:
    """Status line, content type and body."""
    content = {"error": status.partition(" ")[2], "code": code, "detail": detail}
    return status, "application/json", json.dumps(content).encode()


def headers_of(error: RequestError) -> list[tuple[str, str]]:
    """That a refusal has beside those of its body."""
    if isinstance(error, NotAllowed):
        return [("WWW-Authenticate", "Bearer")]
    return [("Retry-After", str(error.retry_after))] if isinstance(error, TryLater) else []


@contextmanager
def served(answer: Application, listeners: Sequence[socket.socket], name: str) -> Iterator[None]:
    """While the block runs; `name` is the threads'. The sockets are closed at its end."""
    with ExitStack() as ended:
        for listener in listeners:
            server = _Server(listener, answer)
            ended.callback(server.server_close)
            serve = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
            )
            serve.start()
            ended.callback(server.shutdown)
        yield


class _Server(ThreadingWSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, answer: Application) -> None:
        super().__init__(("", 0), _Quiet, bind_and_activate=False)
        self.socket.close()  # of a family that may be another one
        self.socket = listener
        self.server_address = listener.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()
        self.set_app(answer)
        self.connections = Counter[str]()
        """By address."""
        self.lock = threading.Lock()

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Whether it is answered; otherwise it is closed."""
        address = client_address[0]
        with self.lock:
            # The gateway asks from loopback, for everybody, and has limits of its own.
            if self.connections[address] >= MOST_OF_ONE and not ipaddress.ip_address(address).is_loopback:
                return False
            self.connections[address] += 1
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.lock:
                self.connections[client_address[0]] -= 1
                self.connections += Counter()  # without those that have none

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or sent nothing for too long, is no bug, and could fill the log."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Quiet(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *_: Any) -> None:
        """Prometheus asks all the time, and clients could fill the log."""
