"""The page that Prometheus reads, at a path of its own port."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from torchferry.serving.onnx_server.http.request import HttpRequest


class MetricsPage:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def __call__(self, request: HttpRequest) -> None:
        if request.path != "/metrics":
            return request.answer(404, b"metrics are at /metrics\n", [(b"content-type", b"text/plain")])
        if request.method != "GET":
            return request.answer(405, b"", [(b"allow", b"GET")])
        encode, content_type = choose_encoder(request.header(b"accept"))  # OpenMetrics has the exemplars
        request.answer(200, encode(self.registry), [(b"content-type", content_type.encode())])
        return None
