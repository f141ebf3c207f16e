"""A WSGI application on sockets that listen already, each request in a thread."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client.exposition import ThreadingWSGIServer

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], StartResponse], list[bytes]]
IDLE_SECONDS = 10
"""For a client to send the next of its request."""


def refused(status: str, code: str, detail: str) -> tuple[str, str, bytes]:
    """Status line, content type and body."""
    content = {"error": status.partition(" ")[2], "code": code, "detail": detail}
    return status, "application/json", json.dumps(content).encode()


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


class _Quiet(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *_: Any) -> None:
        """Prometheus asks all the time, and clients could fill the log."""
