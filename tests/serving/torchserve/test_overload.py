"""Ten times what TorchServe can do, through the gateway: whoever cannot be answered in time is told so at once."""

import asyncio
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.server import Server
from tests.serving.altered import slow
from tests.serving.overload import CLIENTS, QUEUE, SECONDS, answers, ask_until, pause_of
from tests.serving.wire import connections, in_loop, outcomes
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.torchserve.archive import archive

MODEL = "digits-onnx-fp32"
INFER = f"/v2/models/{MODEL}/infer"
TIMEOUT = 5
MORE_MIB = 128
"""That a model's queue and its answers may take; Java's heap grows before it is first swept."""

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture
def server(starts_server: None, bundle: Path, tmp_path: Path) -> Iterator[Server]:
    [mar] = archive(bundles.load(slow(bundle, tmp_path, side=160)), tmp_path / "store", ["onnx-fp32"])
    options = ("--gateway", "nginx", "--max-queue", QUEUE, "--timeout", TIMEOUT, "--threads", 1)
    server = Server(mar, folder=tmp_path, options=options, python=sys.executable)
    try:
        yield server
    finally:
        server.stop()


@in_loop
async def test_ten_times_the_load_is_partly_answered_in_time_and_else_refused(server: Server) -> None:
    addresses = server.wait_ready()
    pause = await pause_of(addresses["rest"], INFER)
    before, alive, end = resident_mib(server), workers(server), time.monotonic() + SECONDS
    counted: Counter[int] = Counter()
    async with connections(addresses["rest"], CLIENTS) as clients:
        await asyncio.gather(*(ask_until(end, client, INFER, pause, counted, check_refusal) for client in clients))
    # 504 would be a request that was let in and not answered within its time.
    assert set(counted) == {200, 429}
    assert counted[429] > counted[200] > QUEUE
    assert outcomes(addresses["metrics"]).keys() == {"ok"}  # what was refused never reached a worker
    assert resident_mib(server) < before + MORE_MIB
    assert workers(server) == alive
    await asyncio.sleep(1)
    async with connections(addresses["rest"], 1) as [client]:
        await answers(client, INFER, 20)


def check_refusal(headers: dict[str, str], content: dict[str, Any]) -> None:
    assert headers["retry-after"] == "1"
    assert content["error"] == "Too Many Requests"


def family(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def resident_mib(server: Server) -> float:
    return float(sum(process.memory_info().rss for process in family(server)) / 2**20)


def workers(server: Server) -> set[int]:
    return {process.pid for process in family(server) if "model_service_worker" in " ".join(process.cmdline())}
