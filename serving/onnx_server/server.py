"""The server's life: listen, load, serve, drain."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from torchferry.errors import UserError
from torchferry.serving.net import open_files
from torchferry.serving.net.addresses import authority, is_local, listeners, reachable
from torchferry.serving.net.auth import Access
from torchferry.serving.net.ports import claim_or_any
from torchferry.serving.net.ready_file import ready_file
from torchferry.serving.net.tls import Certificate
from torchferry.serving.net.unix_sockets import SCHEME, listen_at
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.server import GrpcServer
from torchferry.serving.onnx_server.http.admin import Admin
from torchferry.serving.onnx_server.http.metrics_page import MetricsPage
from torchferry.serving.onnx_server.http.rest import Rest
from torchferry.serving.onnx_server.http.server import HttpServer
from torchferry.serving.onnx_server.models.absent import Key, say_skipped
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.models.model import why_served
from torchferry.serving.onnx_server.models.repository import Repository, Source
from torchferry.serving.onnx_server.models.versions import Channels
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.shares import Shares
from torchferry.serving.onnx_server.stop_signals import listen_for_stop
from torchferry.serving.onnx_server.telemetry.families import Registry
from torchferry.serving.onnx_server.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from torchferry.serving.onnx_server.telemetry.tracing import Tracing

OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LOOPBACK = "localhost"
LAST_REQUESTS = 0.5
"""Seconds in which clients of open connections are told to close them, before the idle ones are closed."""


class Server:
    def __init__(self, settings: Settings, allowed: AllowedBundles) -> None:
        """Takes the ports. Raises UserError."""
        self.settings = settings
        open_files.allow(settings.max_connections)
        self.certificate = (
            Certificate(settings.tls_certificate, settings.tls_key)
            if settings.tls_certificate and settings.tls_key
            else None
        )
        self.access, self.scrapers = Access(settings.tokens), Access(settings.metrics_tokens, "--metrics-tokens")
        for access in (self.access, self.scrapers):
            access.warn()
        if settings.tokens and not any(token.is_admin for token in self.access.tokens):
            print("torchferry: --tokens: no line ends with admin, so nobody may load or unload models", file=sys.stderr)
        registry = Registry()
        metrics = Metrics(registry, settings.bucket_bounds)
        self.repository = Repository(settings, metrics)
        self.plane = DataPlane(settings, self.repository, metrics, _tracing())
        rest = Rest(self.plane, self.access)
        host = settings.host
        asked_at = listeners(host, settings.port, "--port")
        if settings.unix_socket:
            asked_at.append(listen_at(settings.unix_socket, "--unix-socket"))
        self.rest = HttpServer(
            rest,
            asked_at,
            self.certificate,
            headers=rest.headers,
            drains=lambda: self.plane.draining,
            refused=partial(metrics.refused, "rest"),
            intake=self.plane.intake,
            clients=self.plane.clients,
            room=Shares(settings.max_connections, settings.max_client_connections),
        )
        self.metrics = HttpServer(
            MetricsPage(registry, self.plane.turns, self.scrapers, rest),
            listeners(host, settings.metrics_port, "--metrics-port"),
            self.certificate,
        )
        self.grpc = GrpcServer(self.plane, self.access, self.certificate)
        admin_port = claim_or_any(LOOPBACK, settings.admin_port)
        admin = Admin(self.plane, rest, allowed)
        self.admin = HttpServer(admin, listeners(LOOPBACK, admin_port, "--admin-port"))
        self.repository.changed = self._say_state
        self.said: set[asyncio.Future[None]] = set()
        """What says it, until it is said."""

    async def run(
        self,
        sources: Sequence[Source],
        failures: Mapping[Key, str],
        channels: Mapping[str, Channels],
        stop: asyncio.Event,
    ) -> None:
        """Serve until `stop`, then answer what is in flight. Raises UserError for a model that cannot be loaded."""
        self.repository.absent.begin(((source.name, source.bundle.version) for source in sources), failures)
        for port in (self.rest, self.metrics, self.admin, self.grpc):
            await port.start()  # alive from here on, ready when the models are
        housekeeping = asyncio.create_task(self._keep_house())
        try:
            if await self._loaded(sources, channels, stop):
                gc.collect()
                gc.freeze()  # what stays for good is not looked through again, which takes 30 ms
                self._announce()
                with ready_file(self.settings.ready_file, self.addresses()):
                    await stop.wait()
            await self._drain()
        except BaseException:
            await self.grpc.stop(0)  # or it would complain of a loop that has ended
            raise
        finally:
            housekeeping.cancel()

    def addresses(self) -> dict[str, Any]:
        """As clients on this machine ask them."""
        settings, scheme = self.settings, "https" if self.certificate else "http"
        host, (admin, *_) = reachable(settings.host), self.admin.listeners[0].getsockname()
        sockets = {"rest_unix": settings.unix_socket, "grpc_unix": settings.grpc_unix_socket}
        return {
            "rest": f"{scheme}://{authority(host, self.rest.port)}",
            "grpc": authority(host, self.grpc.port),
            "metrics": f"{scheme}://{authority(host, self.metrics.port)}/metrics",
            "admin": f"http://{authority(admin, self.admin.port)}",
            **{name: f"{SCHEME}{path.absolute()}" for name, path in sockets.items() if path},
            "models": list(self.repository.models),
        }

    async def _loaded(self, sources: Sequence[Source], channels: Mapping[str, Channels], stop: asyncio.Event) -> bool:
        """Whether all models are loaded; `stop` ends that. Raises UserError."""
        loading, stopping = asyncio.create_task(self._load(sources, channels)), asyncio.create_task(stop.wait())
        await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            loading.cancel()
            return False
        await loading
        return True

    async def _load(self, sources: Sequence[Source], channels: Mapping[str, Channels]) -> None:
        for source in sources:
            await self._load_or_skip(source)
        if not self.repository.models:
            raise UserError("none of the bundles can be served")
        self.repository.begun(channels)

    async def _load_or_skip(self, source: Source) -> None:
        """Raises UserError, unless --skip-broken says otherwise."""
        try:
            await self.repository.load(source)
        except UserError as error:
            if not self.settings.skip_broken:
                raise
            say_skipped(error)

    def _say_state(self) -> None:
        """To whoever asks or watches grpc.health.v1; the other calls look for themselves."""
        task = asyncio.ensure_future(self.grpc.say_ready() if self.plane.ready else self.grpc.say_not_ready())
        self.said.add(task)
        task.add_done_callback(self.said.discard)

    async def _drain(self) -> None:
        """Not ready; no new connections; the requests in flight are answered; what is idle closes."""
        deadline = time.monotonic() + self.settings.drain_timeout
        self.plane.draining = True
        # Before any port closes, so that load balancers look elsewhere first.
        await self.grpc.say_not_ready()
        await asyncio.gather(*(port.refuse_new(LAST_REQUESTS) for port in (self.rest, self.admin)))
        await asyncio.sleep(LAST_REQUESTS if self.rest.connections else 0)
        left = max(0.0, deadline - time.monotonic())
        await asyncio.gather(self.rest.stop(left), self.admin.stop(left), self.grpc.stop(left))
        self.plane.threads.close()  # what they still do is for nobody
        if self.plane.tracing:
            await asyncio.to_thread(self.plane.tracing.close)
        await self.metrics.stop(0)  # last, so that the end can be seen
        if unanswered := self.plane.inside:
            print(f"torchferry: {unanswered} requests were not answered within --drain-timeout", file=sys.stderr)
            for model in self.repository:
                model.scheduler.close()
        else:
            # Only then, since it waits until every request is answered.
            await self.repository.close()

    async def _keep_house(self) -> None:
        """Once a second: what was changed on disk is read again; what is wrong then is said, and the old goes on."""
        watched: list[Access | Certificate] = [self.access, self.scrapers]
        watched += [self.certificate] if self.certificate else []
        said: dict[object, str] = {}
        while True:
            await asyncio.sleep(1)
            for part in watched:
                try:
                    part.refresh()
                    said.pop(part, None)
                except UserError as error:
                    if said.get(part) != str(error):
                        print(f"torchferry: {error}; going on as before", file=sys.stderr, flush=True)
                    said[part] = str(error)

    def _announce(self) -> None:
        described = [f"{model.name} {model.version} ({model.loaded.variant})" for model in self.repository]
        print(f"ready: {', '.join(described)}")
        for model in self.repository:
            plan, seconds = model.loaded.plan, model.loaded.seconds
            threads = f"{plan.sessions} x {plan.threads} threads ({model.loaded.sessions[0].provider})"
            most = f"{plan.max_batch} sample{'s' * (plan.max_batch > 1)}"
            print(f"  {model.name}: {threads}, up to {most} together, in {seconds:.2f} s")
            print(f"  {model.name}: {model.loaded.variant}: {why_served(model.bundle, model.loaded.variant)}")
            if model.sequences.are_kept:
                print(f"  {model.name}: {model.sequences.words}")
        for name, address in self.addresses().items():
            if name != "models":
                print(f"  {name:9} {address}")
        print(f"  gRPC by {self.grpc.engine.said}")
        if not self.settings.trusted_proxy and not all(map(is_local, self.rest.listeners)):
            print("  clients are told apart by address; behind a proxy they are one, unless --trusted-proxy names it")
        sys.stdout.flush()


def _tracing() -> "Tracing | None":
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or not any(os.environ.get(name) for name in OTLP_ENDPOINTS):
        return None
    from torchferry.serving.onnx_server.telemetry.tracing import (
        Tracing,  # importing it takes about as long as everything else
    )

    return Tracing()


async def serve(
    settings: Settings,
    sources: Sequence[Source],
    failures: Mapping[Key, str],
    channels: Mapping[str, Channels],
    allowed: AllowedBundles,
) -> None:
    """Until SIGTERM or SIGINT; a second one ends the process at once."""
    server, stop = Server(settings, allowed), asyncio.Event()
    listen_for_stop(stop, settings.drain_timeout)
    await server.run(sources, failures, channels, stop)
