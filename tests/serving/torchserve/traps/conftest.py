"""Each test of this folder is run against both sides, and stock TorchServe has to fail it."""

from collections.abc import Iterator

import pytest

from tests.serving.torchserve.traps.sides import (
    TRAPS,
    Start,
)


@pytest.fixture(scope="class", params=["ours", "stock"])
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def trapped(request: pytest.FixtureRequest, side: str) -> None:
    """Stock TorchServe has to fail, at an assertion of the test: what sets it up has run before this."""
    if side == "stock":
        reason = TRAPS[request.function.__qualname__]
        request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))


@pytest.fixture(scope="class")
def start(starts_server: None, side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    start = Start(side, tmp_path_factory.mktemp(side))
    yield start
    start.stop()
