"""The page that Prometheus reads: TorchServe's metrics, those of the workers' calls, and what TorchServe does not say.

`/readyz` on the same port says whether every model answers its golden input.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import urllib3
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from torchferry.errors import ServerFault, UserError
from torchferry.serving.errors import NotAllowed, Overloaded, Unavailable
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.auth import Access
from torchferry.serving.net.unix_sockets import listen_at
from torchferry.serving.torchserve.broken import Broken
from torchferry.serving.torchserve.launcher import TorchServe
from torchferry.serving.torchserve.management import Management
from torchferry.serving.torchserve.readiness import Readiness
from torchferry.serving.torchserve.settings import Settings
from torchferry.serving.torchserve.wsgi_server import StartResponse, headers_of, refused, served
from torchferry.serving.unix_http import UnixPool

TEXT = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = 5


class Standings(Collector):
    """Queues and workers, asked for when Prometheus asks."""

    def __init__(self, management: Management, broken: Broken) -> None:
        self.management, self.broken = management, broken

    def collect(self) -> Iterable[GaugeMetricFamily]:
        labels = ("model", "version")
        queue = GaugeMetricFamily("torchferry_serve_queue_depth", "Requests that wait for a worker", labels=labels)
        workers = GaugeMetricFamily("torchferry_serve_workers", "Workers there should be", labels=labels)
        ready = GaugeMetricFamily("torchferry_serve_workers_ready", "Workers that answer", labels=labels)
        text = "1 for a version that could not be loaded, 0 for one that is"
        broken = GaugeMetricFamily("torchferry_serve_model_broken", text, labels=labels)
        left = set(self.broken.reasons)
        for model in self.management.models():
            for found in self.management.standing(model):
                left.discard((model, found.version))  # somebody has mended it
                broken.add_metric((model, found.version), 0)
                queue.add_metric((model, found.version), found.queued)
                workers.add_metric((model, found.version), found.workers)
                ready.add_metric((model, found.version), found.ready)
        for key in sorted(left):
            broken.add_metric(key, 1)
        return queue, workers, ready, broken


def scrapers(settings: Settings, own_key: str = "") -> Access:
    """Who may read the page. Raises UserError."""
    return Access(settings.metrics_tokens, "--metrics-tokens", own_key)


@contextmanager
def page_of(server: TorchServe) -> Iterator["Page"]:
    """The page while the block runs. Raises UserError."""
    page = Page(server)
    sockets = listeners(server.settings.host, server.ports.page, "--metrics-port")
    if server.settings.gateway != "none":
        sockets.append(listen_at(server.sockets.page, "TMPDIR"))
    with served(page.answer, sockets, "page"):
        yield page


class Page:
    def __init__(self, server: TorchServe) -> None:
        self.registry = CollectorRegistry()
        self.access, self.said = scrapers(server.settings, server.key), ""
        self.ready = Readiness(server.url, server.management, server.goldens, server.models)
        self.pool = UnixPool(str(server.sockets.metrics), timeout=SECONDS, retries=False)
        self.registry.register(Standings(server.management, server.broken))
        self.calls = server.calls
        MultiProcessCollector(self.registry, str(server.calls))

    def answer(self, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        headers: list[tuple[str, str]] = []
        if environ["PATH_INFO"] == "/metrics":
            status, kind, body = self._metrics(environ.get("HTTP_AUTHORIZATION", ""), headers)
        elif environ["PATH_INFO"] == "/readyz":
            status, kind, body = self._readyz(headers)
        else:
            status, kind, body = refused("404 Not Found", "not_found", "ask /metrics or /readyz")
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers])
        return [body]

    def _metrics(self, authorization: str, headers: list[tuple[str, str]]) -> tuple[str, str, bytes]:
        try:
            self._take_up_tokens()
            self.access.check(authorization)
        except NotAllowed as error:
            headers += headers_of(error)
            return refused("401 Unauthorized", error.code, str(error))
        except Overloaded as error:
            headers += headers_of(error)
            return refused("429 Too Many Requests", error.code, str(error))
        self._forget_the_dead()
        try:
            return "200 OK", TEXT, generate_latest(self.registry) + self._torchserves_own()
        except (UserError, ServerFault) as error:  # its management does not answer
            return refused("503 Service Unavailable", Unavailable.code, str(error))

    def _take_up_tokens(self) -> None:
        """What cannot be read is said once, and the tokens of before go on."""
        try:
            self.access.refresh()
            self.said = ""
        except UserError as error:
            if self.said != str(error):
                print(f"torchferry: {error}; going on as before", file=sys.stderr, flush=True)
            self.said = str(error)

    def _readyz(self, headers: list[tuple[str, str]]) -> tuple[str, str, bytes]:
        if why := self.ready():
            headers.append(("Retry-After", "1"))
            return refused("503 Service Unavailable", Unavailable.code, why)
        return "200 OK", "application/json", json.dumps({"ready": True}).encode()

    def _forget_the_dead(self) -> None:
        """A worker that was killed has nothing in flight any more; what it counted stays."""
        for file in self.calls.glob("gauge_live*_*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not psutil.pid_exists(pid):
                mark_process_dead(pid, str(self.calls))

    def _torchserves_own(self) -> bytes:
        try:
            answer = self.pool.request("GET", "/metrics")
        except urllib3.exceptions.HTTPError:  # it is starting, or has ended
            return b""
        return answer.data if answer.status == 200 else b""
