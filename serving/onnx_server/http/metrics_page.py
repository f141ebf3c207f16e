"""The page that Prometheus reads, as an ASGI application."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from serving.onnx_server.http.exchange import Exchange, Message, Receive, Send


class MetricsPage:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        if exchange.path != "/metrics":
            return await exchange.answer(404, b"metrics are at /metrics\n", [(b"content-type", b"text/plain")])
        if exchange.method != "GET":
            return await exchange.answer(405, b"", [(b"allow", b"GET")])
        encode, content_type = choose_encoder(exchange.header(b"accept"))  # OpenMetrics has the exemplars
        await exchange.answer(200, encode(self.registry), [(b"content-type", content_type.encode())])
        return None
