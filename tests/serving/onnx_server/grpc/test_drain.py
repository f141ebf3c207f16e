"""While the port closes under load, each call is answered or told that it was not begun."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.in_process import Call
from tests.serving.wire import in_loop, message
from tests.waiting import wait_until
from torchferry.serving.onnx_server.grpc.drain import ENDING, Drain

INFER = "/inference.GRPCInferenceService/ModelInfer"
CONNECTIONS, CALLS = 8, 4


@in_loop
async def test_no_call_is_lost_when_the_server_is_told_to_end(start_engine: StartServer, tmp_path: Path) -> None:
    log, codes = tmp_path / "log", Counter[str]()
    server = start_engine(options=("--access-log", log))
    address = server.wait_ready()["grpc"]
    asking = [asyncio.create_task(ask_until_refused(address, codes)) for _ in range(CONNECTIONS)]
    while codes["OK"] < 500:
        await asyncio.sleep(0.01)
    server.process.terminate()
    await asyncio.gather(*asking)
    assert await asyncio.to_thread(server.process.wait, 60) == 0
    assert codes["UNAVAILABLE"] == CONNECTIONS * CALLS
    assert set(codes) == {"OK", "UNAVAILABLE"}
    answered = Counter(json.loads(line)["outcome"] for line in log.read_text().splitlines())
    assert answered == {"ok": codes["OK"]}


async def ask_until_refused(address: str, codes: Counter[str]) -> None:
    request = message().SerializeToString()

    async def ask(infer: grpc.aio.UnaryUnaryMultiCallable) -> None:
        code = "OK"
        while code != "UNAVAILABLE":
            try:
                await infer(request, timeout=60)
                code = "OK"
            except grpc.aio.AioRpcError as error:
                code = error.code().name
            codes[code] += 1

    async with connected(address) as infer:
        await asyncio.gather(*(ask(infer) for _ in range(CALLS)))


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[grpc.aio.UnaryUnaryMultiCallable]:
    """A connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        yield channel.unary_unary(INFER)


@in_loop
async def test_who_waits_is_answered_while_others_are_sent_away(start_engine: StartServer) -> None:
    server = start_engine(options=("--max-delay-ms", 1500, "--max-batch", 8))
    async with connected(server.wait_ready()["grpc"]) as infer:
        request = message().SerializeToString()
        waiting = asyncio.ensure_future(infer(request, timeout=60))
        await asyncio.sleep(0.2)
        server.process.terminate()
        await asyncio.to_thread(wait_until, lambda: not server.ready_file.exists())
        await asyncio.sleep(0.3)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await infer(request, timeout=60)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not waiting.done()
        assert await waiting
    assert await asyncio.to_thread(server.process.wait, 60) == 0


@in_loop
async def test_answers_wait_until_no_more_calls_come() -> None:
    drain = Drain()
    context: Any = Call()
    await drain.enter(context)
    await drain.leave()
    holding = asyncio.create_task(drain.hold())
    await asyncio.sleep(0)
    leaving = asyncio.create_task(drain.leave())
    await holding
    assert not leaving.done()
    drain.release()
    await leaving
    await drain.leave()


@in_loop
async def test_who_comes_when_it_refuses_is_told_to_ask_another() -> None:
    drain = Drain()
    context: Any = Call()
    drain.refuses = True
    with pytest.raises(grpc.aio.AbortError):
        await drain.enter(context)
    assert (context.code, context.details) == (grpc.StatusCode.UNAVAILABLE, ENDING)
