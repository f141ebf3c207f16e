"""Thousands of requests that are almost right, to TorchServe behind its gateway."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.server import Server
from tests.serving.fuzzing import FAULTS, GRPC_FAULTS, assert_right, count_of, fuzz, where_of
from tests.serving.wire import in_loop

MODEL = "digits-onnx-fp32"
COUNT = count_of(5000)
MIB = {"java": 256, "python": 32, "nginx": 16}
"""By how much a process may grow after the first tenth; Java fills its heap before it collects."""


@pytest.fixture
def server(starts_server: None, store: Path, tmp_path: Path) -> Iterator[Server]:
    """With one model and its own nginx."""
    options = ("--gateway", "nginx")
    server = Server(store / f"{MODEL}.mar", folder=tmp_path, options=options, python=sys.executable)
    yield server
    server.stop()


@in_loop
async def test_malformed_requests_are_refused_and_leave_nothing_behind(server: Server, bundle: Path) -> None:
    addresses = server.wait_ready()
    found = await fuzz(where_of(addresses, bundle, MODEL), COUNT, lambda: memory(server))
    assert not FAULTS & (set(found.statuses) | set(found.streams))
    assert set(found.statuses) == {"200", "400", "404", "405", "413", "415", "422"}  # all answered, and in JSON
    assert not (GRPC_FAULTS - {"UNKNOWN"}) & set(found.codes)  # as Java's gRPC calls bytes that are no message
    assert found.sent() > 0.8 * COUNT
    assert len(found.memory) > 3
    for name, (before, after) in found.memory.items():
        assert after < before + MIB[name.split()[0]], name
    assert_right(addresses, bundle, MODEL)


def memory(server: Server) -> dict[str, float]:
    """Of each process, all of which have to be there to the end."""
    launcher = psutil.Process(server.process.pid)
    family = [launcher, *launcher.children(recursive=True)]
    return {f"{_kind(one)} {one.pid}": one.memory_info().rss / 2**20 for one in family}


def _kind(process: psutil.Process) -> str:
    name = process.name()
    return "python" if name.startswith("python") else name
