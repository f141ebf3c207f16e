"""Every test of gRPC that asks a server asks one of each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server

Addresses = dict[str, str]
NATIVE = ("--grpc-engine", "native")


@pytest.fixture(scope="session")
def on_grpcio(several: Addresses) -> Addresses:
    """Where a server answers whose gRPC is by grpcio, with `digits`, `mirror`, `table` and `typed`."""
    return several


@pytest.fixture(scope="session")
def on_native(
    starts_server: None, several_models: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """Where another answers whose gRPC is by pygrpc-native."""
    folder = tmp_path_factory.mktemp("native")
    server = Server(*several_models, folder=folder, runtime="onnx", options=NATIVE)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def asked(starts_server: None, engine: str, request: pytest.FixtureRequest) -> Addresses:
    """Where one of the two answers."""
    addresses: Addresses = request.getfixturevalue(f"on_{engine}")
    return addresses
