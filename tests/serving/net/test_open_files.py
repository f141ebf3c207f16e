import resource
from collections.abc import Iterator

import pytest

from torchferry.serving.net.open_files import OTHERS, PORTS, allow


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """Those of this process, which are as before when the test ends."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_connections_need(
    limits: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    hard = limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (OTHERS, hard))
    allow(10)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (OTHERS + PORTS * 10, hard)
    allow(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == OTHERS + PORTS * 10
    assert capsys.readouterr().err == ""


def test_what_the_system_does_not_let_is_said(limits: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    hard = limits[1]
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no limit here")
    allow(hard)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    said = capsys.readouterr().err
    assert said.startswith(f"torchferry: --max-connections: this process may open {hard:,} files (ulimit -n), and ")
    assert f"{PORTS * hard + OTHERS:,} are needed for {hard:,} connections over REST and as many over gRPC;" in said
    assert said.count("\n") == 1
