"""Request headers that identify and trace a request, and response headers that say how it was answered."""

from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.http.exchange import Exchange, Header
from serving.onnx_server.telemetry.visit import Visit


def identify(visit: Visit, exchange: Exchange, plane: DataPlane) -> None:
    """Who asks, for log, exemplars and traces: X-Request-Id and W3C traceparent."""
    if b"x-request-id" in exchange.headers:
        visit.request_id = exchange.header(b"x-request-id")[:128]
    if plane.tracing or b"traceparent" in exchange.headers:
        plane.trace(visit, exchange.header(b"traceparent"))


def said(visit: Visit) -> list[Header]:
    """An answer's id, its trace, and its stages."""
    headers = [(b"server-timing", visit.timing().encode())]
    if visit.request_id and visit.request_id.isprintable():  # a header has no room for the others
        headers.append((b"x-request-id", visit.request_id.encode("latin-1", "replace")))
    if visit.trace:
        headers.append((b"traceparent", str(visit.trace).encode()))
    return headers
