"""The ONNX Runtime server with the digits model, one for all tests that leave it as it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import Server
from tests.serving.onnx_server.made import export_mirror, export_table
from torchferry.serving.codec.tensors import DTYPES

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def served(starts_server: None, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where it answers: `rest`, `grpc`, `metrics`, `admin`."""
    server = Server(bundle, folder=tmp_path_factory.mktemp("onnx-server"), runtime="onnx")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="session")
def several_models(bundle: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Bundles of `digits`, `mirror`, `table` and `typed`."""
    folder = tmp_path_factory.mktemp("several")
    typed = export_mirror(folder, "typed", [datatype for datatype in DTYPES if datatype != "FP16"])
    return [bundle, mirror, export_table(folder), typed]


@pytest.fixture(scope="session")
def several(
    starts_server: None, several_models: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Where one server with all of them answers."""
    server = Server(*several_models, folder=tmp_path_factory.mktemp("several"), runtime="onnx")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture
def start_server(starts_server: None, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start one that a test may change or end: `start_server(*models, options=(...))`, the digits by default."""
    started: list[Server] = []

    def start(*models: object, options: tuple[object, ...] = ()) -> Server:
        folder = tmp_path_factory.mktemp("onnx-server")
        started.append(Server(*(models or (bundle,)), folder=folder, runtime="onnx", options=options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session", params=["grpcio", "native"])
def engine(request: pytest.FixtureRequest) -> str:
    """What speaks gRPC: asked for by tests that hold for both."""
    return str(request.param)


@pytest.fixture
def start_engine(engine: str, start_server: StartServer) -> StartServer:
    """`start_server`, of this engine."""

    def start(*models: object, options: tuple[object, ...] = ()) -> Server:
        return start_server(*models, options=(*options, "--grpc-engine", engine))

    return start
