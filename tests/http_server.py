"""An HTTP server of this process, for what a handler of Python's answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"


@contextmanager
def http_server(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Its URL, without a slash at the end."""
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server, running(server):
        yield f"http://{LOOPBACK}:{server.server_port}"


@contextmanager
def running(server: Any) -> Iterator[None]:
    """One of the standard library's, in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
