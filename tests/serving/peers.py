"""HTTP and gRPC test servers that return a canned answer and record the requests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

from tests.http_server import running
from torchferry.serving.codec.predictions_grpc import SERVICE, Request, Response

LOOPBACK = "127.0.0.1"


@dataclass
class Peer:
    port: int = 0
    status: int | grpc.StatusCode = 200
    content: bytes = b"{}"
    """The body over HTTP; over gRPC the prediction, or what is said with a status that is not 200."""
    kind: str = ""
    """What it says of the body over HTTP, where it says it."""
    seen: list[Any] = field(default_factory=list)
    """Path, headers and body of each request over HTTP; the message over gRPC."""
    trailing: tuple[tuple[str, str], ...] = ()
    """Metadata behind a status over gRPC."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Of the last request over gRPC."""


@contextmanager
def http_peer() -> Iterator[Peer]:
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            peer.seen.append((self.path, dict(self.headers), body))
            assert isinstance(peer.status, int)
            self.send_response(peer.status)
            self.send_header("Content-Length", str(len(peer.content)))
            if peer.kind:
                self.send_header("Content-Type", peer.kind)
            self.end_headers()
            self.wfile.write(peer.content)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server, running(server):
        peer.port = server.server_port
        yield peer


@contextmanager
def grpc_peer() -> Iterator[Peer]:
    peer = Peer()

    def predict(request: Any, context: grpc.ServicerContext) -> Any:
        peer.seen.append(request)
        peer.metadata = dict(context.invocation_metadata())
        if isinstance(peer.status, grpc.StatusCode):
            context.set_trailing_metadata(peer.trailing)
            context.abort(peer.status, peer.content.decode())
        return Response(prediction=peer.content)

    method = grpc.unary_unary_rpc_method_handler(
        predict,
        request_deserializer=Request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Predictions": method})])
        peer.port = server.add_insecure_port(f"{LOOPBACK}:0")
        server.start()
        try:
            yield peer
        finally:
            server.stop(None).wait()
