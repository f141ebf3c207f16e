"""What requests leave behind: nothing that waits for the garbage collector, which stops all others while it looks."""

import os
import re
from pathlib import Path

import pytest

from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, PREDICT, Connection, body, in_loop

REQUESTS = 500
UNREACHABLE = re.compile(r"gc: done, (\d+) unreachable")


@pytest.mark.parametrize("path", [INFER, PREDICT])
@in_loop
async def test_an_answered_request_is_freed_at_once(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import gc\ngc.set_debug(gc.DEBUG_STATS)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    server = start_server()
    connection = await Connection.to(server.wait_ready()["rest"])
    before = len(server.log.read_text())
    sent = body() if path == INFER else b'{"instances": [%s]}' % str([[[0] * 8] * 8]).encode()
    for _ in range(REQUESTS):
        status, _, _ = await connection.post(path, sent, Content_Type="application/json")
        assert status == 200
    connection.close()
    server.stop()
    found = [int(count) for count in UNREACHABLE.findall(server.log.read_text()[before:])]
    assert sum(found[:-1]) < REQUESTS, found  # the last one is the interpreter's own, at its end
