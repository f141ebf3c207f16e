"""Answered requests leave no reference cycles, since a garbage collection stops all other requests."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import service_pb2_grpc

from tests.server import Server
from tests.serving.onnx_server.calling import channel, infer_request
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, PREDICT, Connection, body, in_loop
from torchferry.serving.onnx_server.http import routes

REQUESTS = 500
OF_GRPC = 5  # small objects that the engine itself leaves of a call, whatever its handler does
UNREACHABLE = re.compile(r"gc: done, (\d+) unreachable")


@pytest.fixture
def log_collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the log of a server say of each collection how much was found."""
    (tmp_path / "sitecustomize.py").write_text("import gc\ngc.set_debug(gc.DEBUG_STATS)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.usefixtures("log_collections")
@pytest.mark.parametrize("path", [INFER, PREDICT])
@in_loop
async def test_an_answered_request_is_freed_at_once(start_server: StartServer, path: str) -> None:
    server = start_server()
    connection = await Connection.to(server.wait_ready()["rest"])
    before = len(server.log.read_text())
    sent = body() if path == INFER else b'{"instances": [%s]}' % str([[[0] * 8] * 8]).encode()
    for _ in range(REQUESTS):
        status, _, _ = await connection.post(path, sent, Content_Type="application/json")
        assert status == 200
    connection.close()
    assert left(server, before) < REQUESTS


@pytest.mark.usefixtures("log_collections")
def test_an_answered_call_is_freed_at_once(start_engine: StartServer) -> None:
    server = start_engine()
    address, before = server.wait_ready()["grpc"], len(server.log.read_text())
    request = infer_request("digits", {"image": np.zeros((1, 1, 8, 8), np.uint8)})
    with channel(address) as opened:
        infer = service_pb2_grpc.GRPCInferenceServiceStub(opened).ModelInfer
        for _ in range(REQUESTS):
            infer(request, timeout=60)
    assert left(server, before) < (OF_GRPC + 1) * REQUESTS


def test_long_paths_are_not_kept() -> None:
    kept = routes._kept.cache_info().currsize
    name = "x" * 50_000
    assert routes.route(f"/v2/models/{name}/infer") == ("POST", "infer", name, "")
    assert routes._kept.cache_info().currsize == kept


def left(server: Server, before: int) -> int:
    """Objects that were found since the log had `before` characters, but for those at the interpreter's end."""
    server.stop()
    found = [int(count) for count in UNREACHABLE.findall(server.log.read_text()[before:])]
    return sum(found[:-1])
