"""The ONNX Runtime server with the digits model, one for all tests that leave it as it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Server

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def served(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where it answers: `rest`, `grpc`, `metrics`, `admin`."""
    server = Server(bundle, folder=tmp_path_factory.mktemp("onnx-server"), runtime="onnx")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture
def start_server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start one that a test may change or end: `start_server(*models, options=(...))`, the digits by default."""
    started: list[Server] = []

    def start(*models: object, options: tuple[object, ...] = ()) -> Server:
        folder = tmp_path_factory.mktemp("onnx-server")
        started.append(Server(*(models or (bundle,)), folder=folder, runtime="onnx", options=options))
        return started[-1]

    yield start
    for server in started:
        server.stop()
