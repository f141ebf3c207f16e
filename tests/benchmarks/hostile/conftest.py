"""A server of ours to attack, one for all tests, and valid requests without any server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from torchferry.benchmarks.hostile.started import Started, started
from torchferry.benchmarks.hostile.valid import Valid
from torchferry.serving.bundle import bundle as bundles


@pytest.fixture(scope="session")
def valid(bundle: Path) -> Valid:
    """Of the digits."""
    return Valid.of(bundles.load(bundle), "digits")


@pytest.fixture(scope="session")
def attacked(starts_server: None, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("attacked")
    with started("onnx", bundles.load(bundle), "onnx-fp32", folder, timeout=60, seed=0) as server:
        yield server
