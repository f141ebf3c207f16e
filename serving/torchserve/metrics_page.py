"""The page that Prometheus reads: TorchServe's metrics, those of the workers' calls, and what TorchServe does not say.

`/readyz` on the same port says whether every model answers its golden input.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import urllib3
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from torchferry.serving.errors import Unavailable
from torchferry.serving.net.addresses import listeners
from torchferry.serving.torchserve.launcher import TorchServe
from torchferry.serving.torchserve.management import Management
from torchferry.serving.torchserve.readiness import Readiness
from torchferry.serving.torchserve.settings import LOOPBACK
from torchferry.serving.torchserve.wsgi_server import StartResponse, served

TEXT = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = 5


class Standings(Collector):
    """Queues and workers, asked for when Prometheus asks."""

    def __init__(self, management: Management) -> None:
        self.management = management

    def collect(self) -> Iterable[GaugeMetricFamily]:
        labels = ("model", "version")
        queue = GaugeMetricFamily("torchferry_serve_queue_depth", "Requests that wait for a worker", labels=labels)
        workers = GaugeMetricFamily("torchferry_serve_workers", "Workers there should be", labels=labels)
        ready = GaugeMetricFamily("torchferry_serve_workers_ready", "Workers that answer", labels=labels)
        for model in self.management.models():
            for found in self.management.standing(model):
                queue.add_metric((model, found.version), found.queued)
                workers.add_metric((model, found.version), found.workers)
                ready.add_metric((model, found.version), found.ready)
        return queue, workers, ready


@contextmanager
def page_of(server: TorchServe) -> Iterator["Page"]:
    """The page while the block runs. Raises UserError."""
    page = Page(server)
    sockets = listeners(server.settings.host, server.ports.page, "--metrics-port")
    with served(page.answer, sockets, "page"):
        yield page


class Page:
    def __init__(self, server: TorchServe) -> None:
        self.registry = CollectorRegistry()
        self.ready = Readiness(server.url, server.management, server.goldens, server.models)
        self.torchserve = f"http://{LOOPBACK}:{server.ports.metrics}/metrics"
        self.pool = urllib3.PoolManager(timeout=SECONDS, retries=False)
        self.registry.register(Standings(server.management))
        self.calls = server.calls
        MultiProcessCollector(self.registry, str(server.calls))

    def answer(self, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        nothing = {"error": "Not Found", "code": "not_found", "detail": "ask /metrics or /readyz"}
        status, kind, body = "404 Not Found", "application/json", json.dumps(nothing).encode()
        headers: list[tuple[str, str]] = []
        if environ["PATH_INFO"] == "/metrics":
            self._forget_the_dead()
            status, kind, body = "200 OK", TEXT, generate_latest(self.registry) + self._torchserves_own()
        elif environ["PATH_INFO"] == "/readyz":
            why = self.ready()
            status = "503 Service Unavailable" if why else "200 OK"
            said = {"error": "Service Unavailable", "code": Unavailable.code, "detail": why} if why else {"ready": True}
            body = json.dumps(said).encode()
            headers = [("Retry-After", "1")] if why else []
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers])
        return [body]

    def _forget_the_dead(self) -> None:
        """A worker that was killed has nothing in flight any more; what it counted stays."""
        for file in self.calls.glob("gauge_live*_*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not psutil.pid_exists(pid):
                mark_process_dead(pid, str(self.calls))

    def _torchserves_own(self) -> bytes:
        try:
            answer = self.pool.request("GET", self.torchserve)
        except urllib3.exceptions.HTTPError:  # it is starting, or has ended
            return b""
        return answer.data if answer.status == 200 else b""
