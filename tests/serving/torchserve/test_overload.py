"""Ten times what TorchServe can do, through the gateway: whoever cannot be answered in time is told so at once."""

import asyncio
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from serving import bundle as bundles
from serving.torchserve.archive import archive
from tests.conftest import Server
from tests.serving.onnx_server.altered import slow
from tests.serving.onnx_server.wire import Connection, body, connections, in_loop, outcomes

MODEL = "digits-onnx-fp32"
INFER = f"/v2/models/{MODEL}/infer"
SECONDS = float(os.environ.get("TORCHFERRY_TEST_OVERLOAD_SECONDS", "8"))
CLIENTS, QUEUE, TIMES, TIMEOUT = 48, 8, 10, 5
MORE_MIB = 128
"""That a model's queue and its answers may take; Java's heap grows before it is first swept."""

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture
def server(bundle: Path, tmp_path: Path) -> Iterator[Server]:
    [mar] = archive(bundles.load(slow(bundle, tmp_path, side=160)), tmp_path / "store", ["onnx-fp32"])
    options = ("--gateway", "nginx", "--max-queue", QUEUE, "--timeout", TIMEOUT, "--threads", 1)
    server = Server(mar, folder=tmp_path, options=options)
    try:
        yield server
    finally:
        server.stop()


@in_loop
async def test_ten_times_the_load_is_partly_answered_in_time_and_else_refused(server: Server) -> None:
    addresses = server.wait_ready()
    pause = CLIENTS * await seconds_of_one(addresses["rest"]) / TIMES
    before, alive, end = resident_mib(server), workers(server), time.monotonic() + SECONDS
    counted: Counter[int] = Counter()
    async with connections(addresses["rest"], CLIENTS) as clients:
        await asyncio.gather(*(ask_until(client, end, pause, counted) for client in clients))
    # 504 would be a request that was let in and not answered within its time.
    assert set(counted) == {200, 429}
    assert counted[429] > counted[200] > QUEUE
    assert outcomes(addresses["metrics"]).keys() == {"ok"}  # what was refused never reached a worker
    assert resident_mib(server) < before + MORE_MIB
    assert workers(server) == alive
    await asyncio.sleep(1)
    async with connections(addresses["rest"], 1) as [client]:
        assert [(await client.post(INFER, body()))[0] for _ in range(20)] == [200] * 20


async def seconds_of_one(address: str) -> float:
    async with connections(address, 1) as [client]:
        started = time.monotonic()
        for _ in range(10):
            assert (await client.post(INFER, body()))[0] == 200
        return (time.monotonic() - started) / 10


async def ask_until(client: Connection, end: float, pause: float, counted: Counter[int]) -> None:
    while time.monotonic() < end:
        status, headers, content = await client.post(INFER, body())
        counted[status] += 1
        if status == 429:
            assert headers["retry-after"] == "1"
            assert json.loads(content)["error"] == "Too Many Requests"
        await asyncio.sleep(pause)


def family(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def resident_mib(server: Server) -> float:
    return float(sum(process.memory_info().rss for process in family(server)) / 2**20)


def workers(server: Server) -> set[int]:
    return {process.pid for process in family(server) if "model_service_worker" in " ".join(process.cmdline())}
