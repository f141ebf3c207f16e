"""A page as Prometheus reads it, on a free port of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from torchferry.serving.torchserve.settings import LOOPBACK


@contextmanager
def exposed(registry: CollectorRegistry) -> Iterator[str]:
    """Its URL while the block runs."""
    listener = make_server(LOOPBACK, 0, make_wsgi_app(registry), handler_class=_Quiet)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{listener.server_port}/metrics"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *_: Any) -> None:
        """The test knows."""
