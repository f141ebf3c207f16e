"""A WSGI application on sockets that listen already, each request in a thread."""

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
from torchferry.serving.net.clients import Clients

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], StartResponse], list[bytes]]
IDLE_SECONDS = 10
"""For a client to send the next of its request."""
MOST_OF_ONE = 32
"""Connections of a client at a time: each has a thread."""
CLIENTS = Clients(("127.0.0.0/8", "::1"))
"""This machine has no share: our own commands ask from it, and what stands before us in a pod asks for everybody."""


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
        self.server_name, self.server_port = "localhost", 0  # which no application of ours reads
        self.setup_environ()
        self.set_app(answer)
        self.connections = Counter[str]()
        """By client."""
        self.lock = threading.Lock()

    def get_request(self) -> tuple[Any, Any]:
        request, address = super().get_request()
        return request, address or ("", 0)  # of a unix socket

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Whether it is answered; otherwise it is closed."""
        client = CLIENTS.peer(client_address[0]).share
        with self.lock:
            if client and self.connections[client] >= MOST_OF_ONE:
                return False
            self.connections[client] += 1
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # there is no thread for it
            self._leave(client_address)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(client_address)

    def _leave(self, client_address: Any) -> None:
        with self.lock:
            self.connections[CLIENTS.peer(client_address[0]).share] -= 1
            self.connections += Counter()  # without those that have none

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or sent nothing for too long, is no bug, and could fill the log."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Quiet(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *_: Any) -> None:
        """Prometheus asks all the time, and clients could fill the log."""
