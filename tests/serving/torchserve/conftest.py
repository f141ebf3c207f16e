"""A gateway before an upstream of the test's own."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.serving.torchserve.asking_gateway import SECRET, Start
from tests.serving.torchserve.upstream import Upstream
from torchferry.serving.torchserve.gateway import Gateway
from torchferry.serving.torchserve.nginx_config import Front, Upstreams
from torchferry.serving.torchserve.settings import LOOPBACK


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def start(starts_server: None) -> Iterator[Start]:
    """A gateway with what is given, and otherwise one that lets everybody in."""
    started: list[Gateway] = []

    def start(upstream: Upstream | None = None, **given: Any) -> Gateway:
        ports = ("port", "grpc_port", "upstream_port", "upstream_grpc_port", "services_port", "page_port")
        settings: dict[str, Any] = {name: free_port() for name in ports}
        settings |= {"host": LOOPBACK, "max_body_bytes": 2**20, "timeout": 20, "max_in_flight": 8, "access_log": None}
        settings |= {"max_connections": 200, "max_client_connections": 200}
        settings |= dict.fromkeys(("tokens", "tls_certificate", "tls_key"))
        if upstream:
            settings |= dict.fromkeys(("upstream_port", "page_port"), upstream.server_port)
        settings |= given
        names = ("upstream_port", "upstream_grpc_port", "services_port", "page_port")
        rest, grpc, services, page = (settings.pop(name) for name in names)
        upstreams = Upstreams(f"{LOOPBACK}:{rest}", grpc, services, f"{LOOPBACK}:{page}")
        gateway = Gateway(Front(**{"upstreams": upstreams} | settings))
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f'ann {SECRET}\nBob$" secret-of-bob 0.02\n')
    return file
