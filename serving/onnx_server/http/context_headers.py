"""Request headers that identify and trace a request, and response headers that say how it was answered."""

from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http.request import REQUEST_ID, Header, HttpRequest
from torchferry.serving.onnx_server.request_context import RequestContext


def identify(context: RequestContext, request: HttpRequest, plane: DataPlane) -> None:
    """Who asks, for log, exemplars and traces: X-Request-Id and W3C traceparent."""
    context.request_id = request.id
    if plane.tracing or b"traceparent" in request.headers:
        plane.trace(context, request.header(b"traceparent"))


def said(context: RequestContext, request: HttpRequest) -> list[Header]:
    """An answer's stages, its trace, and the id that its body has given it; every answer has the header's own."""
    headers = [(b"server-timing", context.timing().encode())]
    if context.request_id and context.request_id.isprintable() and not request.id:
        headers.append((REQUEST_ID, context.request_id.encode("latin-1", "replace")))
    if context.trace:
        headers.append((b"traceparent", str(context.trace).encode()))
    return headers
