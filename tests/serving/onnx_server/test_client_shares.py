"""Whatever one client sends, the others are served: it waits behind itself, and loses its own place in a full queue."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.serving.altered import slow
from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.telemetry.scraping import value
from tests.serving.wire import INFER, Connection, body, connections, in_loop, message, outcomes, stub
from tests.waiting import wait_until

FLOOD, QUEUE, CONNECTIONS = 16, 8, 20
HONEST = 6
"""Requests, one after the other."""
LONG = message(bytes(16 * 64), shape=[16, 1, 8, 8])
"""So many samples that a session is busy for a while."""
OTHER, PROXY = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def slow_bundle(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slow(bundle, tmp_path_factory.mktemp("slow"))


async def flood(clients: list[Connection], counted: Counter[int], **headers: str) -> None:
    """Ask again at once, whatever the answer, until it is cancelled."""

    async def ask_on(client: Connection) -> None:
        while True:
            status, said, _ = await client.post(INFER, body(), **headers)
            counted[status] += 1
            if status == 429:
                assert int(said["retry-after"]) >= 1
                await asyncio.sleep(0.01)

    await asyncio.gather(*map(ask_on, clients))


async def beside(flooding: Awaitable[None], counted: Counter[int], honest: Callable[[], Awaitable[None]]) -> None:
    """The queue is full of the flood all the time."""
    task = asyncio.ensure_future(flooding)
    async with asyncio.timeout(60):
        while counted[429] < FLOOD:
            await asyncio.sleep(0.01)
    await honest()
    assert set(counted) == {200, 429}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def all_answered(client: Connection, **headers: str) -> None:
    for _ in range(HONEST):
        status, _, content = await client.post(INFER, body(), **headers)
        assert (status, json.loads(content).get("detail")) == (200, None)


@in_loop
async def test_a_flood_of_one_client_leaves_the_others_served(start_server: StartServer, slow_bundle: Path) -> None:
    options: tuple[object, ...] = ("--threads", 1, "--max-queue", QUEUE, "--max-batch", 1, "--trusted-proxy", PROXY)
    options += ("--max-client-connections", CONNECTIONS)
    addresses = await asyncio.to_thread(lambda: start_server(slow_bundle, options=options).wait_ready())
    rest = addresses["rest"]
    # Who is no trusted proxy may say what he likes.
    counted: Counter[int] = Counter()
    async with connections(rest, FLOOD) as clients, connections(rest, 1, OTHER) as [honest]:
        liars = [flood([client], counted, X_Forwarded_For=f"203.0.113.{i}") for i, client in enumerate(clients)]
        await beside(_gathered(liars), counted, lambda: all_answered(honest))
        assert counted[429] > counted[200]
    counted.clear()
    async with connections(rest, FLOOD + 1, PROXY) as [honest, *clients]:
        flooding = flood(clients, counted, X_Forwarded_For="203.0.113.1")
        await beside(flooding, counted, lambda: all_answered(honest, X_Forwarded_For="1.1.1.1, 203.0.113.2"))
    await connections_have_a_bound(addresses)


async def _gathered(tasks: list[Any]) -> None:
    await asyncio.gather(*tasks)


async def connections_have_a_bound(addresses: dict[str, str]) -> None:
    rest, before = addresses["rest"], outcomes(addresses["metrics"])["overloaded"]
    assert value(addresses, "connections_refused_total", protocol="rest") == 0
    async with connections(rest, CONNECTIONS) as clients, connections(rest, 1, OTHER) as [other]:
        one_too_many = await Connection.to(rest)
        status, headers, content = await one_too_many.answer()
        assert (status, headers["retry-after"], headers["connection"]) == (429, "1", "close")
        assert json.loads(content)["code"] == "overloaded"
        assert await one_too_many.reader.read() == b""
        one_too_many.close()
        # A probe from the same address finds a place.
        assert ask(addresses["metrics"].removesuffix("/metrics"), "/v2/health/live").json == {"live": True}
        for client in (clients[0], other):
            assert (await client.post(INFER, body()))[0] == 200
        assert value(addresses, "connections_refused_total", protocol="rest") == 1
        assert outcomes(addresses["metrics"])["overloaded"] == before
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(_status, rest)) != 200:
            await asyncio.sleep(0.05)


def _status(rest: str) -> int:
    return ask(rest, "/v2/health/ready").status


def test_tokens_are_clients_of_both_protocols(start_engine: StartServer, slow_bundle: Path, tmp_path: Path) -> None:
    """Also from one address. And each has a share of the calls that are open."""
    (tmp_path / "tokens").write_text("ann s-ann\nbob s-bob\n")
    options: tuple[object, ...] = ("--threads", 1, "--max-queue", 4, "--max-batch", 1, "--tokens", tmp_path / "tokens")
    options += ("--max-client-connections", 8, "--max-connections", 100)
    addresses = start_engine(slow_bundle, options=options).wait_ready()

    def metadata(name: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer s-{name}"),)

    with stub(addresses["grpc"]) as calls:
        asked = [calls.ModelInfer.future(LONG, metadata=metadata("ann"), timeout=60)]
        wait_until(lambda: _gauge(addresses, "in_flight") == 1 and not _gauge(addresses, "queue_depth"))
        asked += [calls.ModelInfer.future(message(), metadata=metadata("ann"), timeout=60) for _ in range(4)]
        wait_until(lambda: _gauge(addresses, "queue_depth") == 4)
        bob = calls.ModelInfer.future(message(), metadata=metadata("bob"), timeout=60)
        answer = ask(addresses["rest"], INFER, body(), {"Authorization": "Bearer s-bob"})
        assert answer.status == 200
        assert bob.result().model_name == "digits"
        told = [error for call in asked if (error := call.exception())]
    assert len(told) == 2
    for error in told:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "this client has the most" in error.details()
        assert "retry-after" in dict(error.trailing_metadata())


def test_a_client_has_a_share_of_the_calls_that_are_open(start_engine: StartServer, slow_bundle: Path) -> None:
    options = ("--threads", 1, "--max-batch", 1, "--max-client-connections", 2)
    addresses = start_engine(slow_bundle, options=options).wait_ready()
    with stub(addresses["grpc"]) as calls:
        asked = [calls.ModelInfer.future(LONG, timeout=60) for _ in range(2)]
        wait_until(lambda: _gauge(addresses, "in_flight") == 2)
        with pytest.raises(grpc.RpcError) as told:
            calls.ModelInfer(message(), timeout=60)
        assert told.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "too many calls and streams are open: 8,192 may be open, 2 of one client" in told.value.details()
        for call in asked:
            call.result()
        assert calls.ModelInfer(message(), timeout=60).model_name == "digits"
    assert outcomes(addresses["metrics"]) == {"ok": 3}
    assert value(addresses, "connections_refused_total", protocol="grpc") == 1


def _gauge(addresses: dict[str, str], name: str) -> float:
    page = ask(addresses["metrics"], "/metrics").body.decode()
    lines = [line for line in page.splitlines() if line.startswith(f"torchferry_serve_{name}{{")]
    return float(lines[0].split()[-1])
