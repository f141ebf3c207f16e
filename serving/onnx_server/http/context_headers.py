"""Request headers that identify and trace a request, and response headers that say how it was answered."""

from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http.request import Header, HttpRequest
from torchferry.serving.onnx_server.request_context import RequestContext


def identify(context: RequestContext, request: HttpRequest, plane: DataPlane) -> None:
    """Who asks, for log, exemplars and traces: X-Request-Id and W3C traceparent."""
    if b"x-request-id" in request.headers:
        context.request_id = request.header(b"x-request-id")[:128]
    if plane.tracing or b"traceparent" in request.headers:
        plane.trace(context, request.header(b"traceparent"))


def said(context: RequestContext) -> list[Header]:
    """An answer's id, its trace, and its stages."""
    headers = [(b"server-timing", context.timing().encode())]
    if context.request_id and context.request_id.isprintable():  # a header has no room for the others
        headers.append((b"x-request-id", context.request_id.encode("latin-1", "replace")))
    if context.trace:
        headers.append((b"traceparent", str(context.trace).encode()))
    return headers
