"""Ten times what the model can do: the queue stays short, and whoever cannot be answered is told so at once."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.server import Server
from tests.serving.altered import slow
from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.overload import CLIENTS, QUEUE, SECONDS, answers, ask_until, pause_of
from tests.serving.wire import (
    INFER,
    body,
    connections,
    head,
    in_loop,
    message,
    outcomes,
    resident_mib,
    stub,
)
from tests.waiting import wait_until
from torchferry.serving.onnx_server.intake import MOST

LONG = 64
"""So many samples that a session is busy for seconds."""


@pytest.fixture
def server(start_server: StartServer, bundle: Path, tmp_path: Path) -> Server:
    options = ("--threads", 1, "--max-queue", QUEUE, "--max-batch", 1)
    return start_server(slow(bundle, tmp_path), options=options)


@in_loop
async def test_ten_times_the_load_is_partly_answered_and_else_refused(server: Server) -> None:
    addresses = server.wait_ready()
    pause = await pause_of(addresses["rest"], INFER)
    before, counted, end = resident_mib(server), Counter[int](), time.monotonic() + SECONDS
    async with connections(addresses["rest"], CLIENTS) as clients:
        calling = asyncio.create_task(asyncio.to_thread(call_until, addresses["grpc"], end))
        await asyncio.gather(*(ask_until(end, client, INFER, pause, counted, check_refusal) for client in clients))
        codes = await calling
    assert set(counted) == {200, 429}
    assert counted[429] > counted[200] > QUEUE
    assert set(codes) <= {"OK", "RESOURCE_EXHAUSTED"}
    assert codes["RESOURCE_EXHAUSTED"]
    found = outcomes(addresses["metrics"])
    assert found["overloaded"] == counted[429] + codes["RESOURCE_EXHAUSTED"]
    assert set(found) == {"ok", "overloaded"}
    assert resident_mib(server) < before + 64
    async with connections(addresses["rest"], 1) as [client]:
        await answers(client, INFER, 20)


def check_refusal(headers: dict[str, str], content: dict[str, Any]) -> None:
    assert int(headers["retry-after"]) >= 1
    assert "has more requests than it can answer" in content["detail"]


def call_until(address: str, end: float) -> Counter[str]:
    codes: Counter[str] = Counter()
    with stub(address) as calls:
        while time.monotonic() < end:
            try:
                calls.ModelInfer(message(), timeout=60)
                codes["OK"] += 1
            except grpc.RpcError as error:
                told = "retry-after" in dict(error.trailing_metadata())
                codes[error.code().name if told else f"{error.code().name} without retry-after"] += 1
            time.sleep(0.05)
    return codes


@pytest.fixture
def busy(server: Server) -> Iterator[dict[str, str]]:
    """Where a server answers whose only session computes for seconds; that it has done nothing else is checked."""
    addresses = server.wait_ready()
    with stub(addresses["grpc"]) as calls:
        request = message(bytes(64 * LONG), shape=[LONG, 1, 8, 8])
        computing = calls.ModelInfer.future(request, timeout=60)
        wait_until(lambda: in_flight(addresses) == 1)
        yield addresses
        assert computing.result().outputs[0].shape == [LONG, 10]
    statistics = ask(addresses["rest"], "/v2/models/digits/stats").json["model_stats"][0]
    assert (statistics["execution_count"], statistics["inference_count"]) == (1, LONG)


def in_flight(addresses: dict[str, str]) -> int:
    page = ask(addresses["metrics"], "/metrics").body.decode()
    lines = [line for line in page.splitlines() if line.startswith("torchferry_serve_in_flight{")]
    return int(float(lines[0].split()[-1]))


def test_a_deadline_that_passes_in_the_queue_is_504_and_the_request_never_runs(busy: dict[str, str]) -> None:
    answer = ask(busy["rest"], INFER, body(parameters={"timeout": 100_000}))
    assert (answer.status, answer.json["detail"]) == (504, "the request was not answered within its time")
    with stub(busy["grpc"]) as calls, pytest.raises(grpc.RpcError) as error:
        calls.ModelInfer(message(), timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: sum(outcomes(busy["metrics"]).values()) == 2)
    found = outcomes(busy["metrics"])
    assert found["deadline"] >= 1
    assert found["deadline"] + found["cancelled"] == 2  # gRPC's own clock may be the quicker one


@in_loop
async def test_a_client_that_goes_away_is_dropped_before_it_runs(busy: dict[str, str]) -> None:
    async with connections(busy["rest"], 2) as clients:
        asking: list[asyncio.Task[Any]] = [asyncio.create_task(client.post(INFER, body())) for client in clients]
        await asyncio.to_thread(wait_until, lambda: in_flight(busy) == 3)
        for task in asking:
            task.cancel()
    await asyncio.to_thread(wait_until, lambda: outcomes(busy["metrics"])["cancelled"] == 2)
    with stub(busy["grpc"]) as calls:
        call = calls.ModelInfer.future(message())
        await asyncio.to_thread(wait_until, lambda: in_flight(busy) == 2)
        call.cancel()
    await asyncio.to_thread(wait_until, lambda: outcomes(busy["metrics"])["cancelled"] == 3)
    assert set(outcomes(busy["metrics"])) == {"cancelled"}


@in_loop
async def test_bodies_that_do_not_come_keep_nobody_out_but_their_own_kind(start_server: StartServer) -> None:
    """A request counts against the queue once its body is here, and a client may have so many on their way."""
    addresses = start_server(options=("--max-queue", 1, "--max-batch", 1)).wait_ready()
    most = MOST // 2  # of a client alone
    async with connections(addresses["rest"], most + 1) as clients:
        for client in clients[:-1]:
            client.writer.write(head(INFER, 9) + b"{")
        assert (await asyncio.to_thread(ask, addresses["rest"], INFER, body())).status == 200
        clients[-1].writer.write(head(INFER, 9) + b"{")
        status, headers, _ = await clients[-1].answer()
        assert (status, headers["retry-after"], headers["connection"]) == (429, "1", "close")
        assert in_flight(addresses) == 0
    await asyncio.to_thread(wait_until, lambda: outcomes(addresses["metrics"]).get("cancelled") == most)
    assert outcomes(addresses["metrics"]) == {"ok": 1, "overloaded": 1, "cancelled": most}
    assert ask(addresses["rest"], INFER, body()).status == 200
