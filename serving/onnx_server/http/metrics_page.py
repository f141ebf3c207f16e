"""The page that Prometheus reads, as an ASGI application."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from torchferry.serving.onnx_server.http.asgi_request import AsgiRequest, Message, Receive, Send


class MetricsPage:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = AsgiRequest(scope, receive, send)
        if request.path != "/metrics":
            return await request.answer(404, b"metrics are at /metrics\n", [(b"content-type", b"text/plain")])
        if request.method != "GET":
            return await request.answer(405, b"", [(b"allow", b"GET")])
        encode, content_type = choose_encoder(request.header(b"accept"))  # OpenMetrics has the exemplars
        await request.answer(200, encode(self.registry), [(b"content-type", content_type.encode())])
        return None
