"""A server takes its ports when it is made, says where it answers, and sends traces only where that is asked for."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.calling import call
from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.onnx_server.models.held import until
from tests.serving.tiny_bundle import FILE, VARIANT, written
from tests.serving.wire import in_loop
from torchferry.errors import UserError
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.onnx_server.grpc.server import GrpcServer
from torchferry.serving.onnx_server.models import repository
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.models.model import Loaded, load
from torchferry.serving.onnx_server.models.repository import Source
from torchferry.serving.onnx_server.models.versions import Versions
from torchferry.serving.onnx_server.server import OTLP_ENDPOINTS, Server
from torchferry.serving.onnx_server.settings import Settings

FREE: dict[str, Any] = {"port": 0, "grpc_port": 0, "metrics_port": 0, "admin_port": 0}


class Made:
    """A server that has its ports but does not run, until the end of the block."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**FREE | settings)

    async def __aenter__(self) -> Server:
        self.server = Server(self.settings, AllowedBundles())
        return self.server

    async def __aexit__(self, *_: object) -> None:
        for port in (self.server.rest, self.server.metrics, self.server.admin):
            for listener in port.listeners:
                listener.close()
        await self.server.grpc.server.stop(0)


@pytest.fixture(autouse=True)
def no_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*OTLP_ENDPOINTS, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@in_loop
async def test_each_port_is_a_free_one_of_its_own() -> None:
    async with Made() as server:
        said = server.addresses()
        assert said["models"] == []
        ports = [urlsplit(said[name] if "//" in said[name] else f"//{said[name]}").port for name in list(said)[:4]]
        assert list(said)[:4] == ["rest", "grpc", "metrics", "admin"]
        assert all(ports)
        assert len(set(ports)) == 4
        assert said["rest"].startswith("http://127.0.0.1:")
        assert said["metrics"].endswith("/metrics")


@in_loop
async def test_who_listens_everywhere_is_asked_on_loopback_and_so_is_the_admin() -> None:
    async with Made(host="0.0.0.0") as server:
        said = server.addresses()
        assert {urlsplit(said[name]).hostname for name in ("rest", "metrics", "admin")} == {"127.0.0.1"}
        assert [listener.getsockname()[0] for listener in server.rest.listeners] == ["0.0.0.0"]
        assert {listener.getsockname()[0] for listener in server.admin.listeners} <= {"127.0.0.1", "::1"}


@in_loop
async def test_a_port_that_is_taken_is_said_with_its_option(free_port_in_use: int) -> None:
    with pytest.raises(UserError, match=rf"^--port: cannot listen on 127\.0\.0\.1:{free_port_in_use} "):
        Server(Settings(**FREE | {"port": free_port_in_use}), AllowedBundles())


@in_loop
async def test_another_admin_port_is_taken_where_the_first_is_not_free(free_port_in_use: int) -> None:
    async with Made(admin_port=free_port_in_use) as server:
        assert server.admin.port not in (0, free_port_in_use)


@pytest.mark.parametrize(
    ("environment", "traced"),
    [
        ({}, False),
        ({OTLP_ENDPOINTS[0]: ""}, False),
        ({OTLP_ENDPOINTS[0]: "http://127.0.0.1:9"}, True),
        ({OTLP_ENDPOINTS[1]: "http://127.0.0.1:9"}, True),
        ({OTLP_ENDPOINTS[0]: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "True"}, False),
    ],
)
@in_loop
async def test_traces_are_sent_where_an_endpoint_is_set(
    environment: dict[str, str], traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with Made() as server:
        assert (server.plane.tracing is not None) == traced
        if server.plane.tracing:
            server.plane.tracing.provider.shutdown()


@in_loop
async def test_at_the_start_it_says_what_serves_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choice = Choice(variant="onnx-fp32", reason="it is exact and there is no other; accuracy 98.00%")
    bundle = replace(written(tmp_path), choice=choice)
    async with Made() as server:
        server.repository.models["tiny"] = versions = Versions("tiny")
        versions.put(model_of_bundle(bundle), "stable", 0.0)
        server._announce()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "ready: tiny 1.0 (onnx-fp32)"
    assert said[2] == "  tiny: onnx-fp32: it is exact and there is no other; accuracy 98.00%"
    assert said[-1].startswith("  gRPC by ")


@in_loop
@pytest.mark.parametrize(
    ("host", "proxies", "says"), [("0.0.0.0", (), True), ("127.0.0.1", (), False), ("0.0.0.0", ("10.0.0.1",), False)]
)
async def test_at_the_start_it_says_whom_it_takes_for_a_client_where_others_reach_it(
    host: str, proxies: tuple[str, ...], says: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Made(host=host, trusted_proxy=proxies) as server:
        server._announce()
    assert ("clients are told apart by address; behind a proxy" in capsys.readouterr().out) is says


@in_loop
@pytest.mark.parametrize("is_broken", [False, True])
async def test_grpc_is_told_to_stop_once_however_the_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    stops: list[float] = []
    stop_of = GrpcServer.stop

    async def counted(port: GrpcServer, seconds: float) -> None:
        stops.append(seconds)
        await stop_of(port, seconds)

    monkeypatch.setattr(GrpcServer, "stop", counted)
    bundle, stop = written(tmp_path), asyncio.Event()
    if is_broken:
        (bundle.root / FILE).write_bytes(b"none")
    server = Server(Settings(**FREE), AllowedBundles())
    running = asyncio.create_task(server.run([Source("tiny", bundle, VARIANT)], {}, {}, stop))
    await until(lambda: server.plane.ready or running.done())
    stop.set()
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], UserError) == is_broken
    assert len(stops) == 1
    await asyncio.gather(*(port.stop(0) for port in (server.rest, server.metrics, server.admin)))  # or the process does


@in_loop
async def test_while_it_starts_nobody_is_answered_and_only_the_unknown_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (written(tmp_path, name) for name in ("first", "second"))
    holds, begun = threading.Semaphore(0), threading.Event()

    def held(*given: Any) -> Loaded:
        begun.set()
        holds.acquire()
        return load(*given)

    monkeypatch.setattr(repository, "load", held)
    server, stop = Server(Settings(**FREE), AllowedBundles()), asyncio.Event()
    sources = [Source(bundle.name, bundle, VARIANT) for bundle in (first, second)]
    running = asyncio.create_task(server.run(sources, {}, {}, stop))
    rest, target = server.addresses()["rest"], server.addresses()["grpc"]

    async def status(name: str) -> tuple[int, str | None]:
        answer = await asyncio.to_thread(ask, rest, f"/v2/models/{name}/infer", {"inputs": []})
        return answer.status, answer.headers["Retry-After"]

    async def code(name: str) -> grpc.StatusCode:
        with pytest.raises(grpc.RpcError) as caught:
            await asyncio.to_thread(call, target, "ModelInfer", messages.ModelInferRequest(model_name=name))
        found: grpc.StatusCode = caught.value.code()
        return found

    try:
        await until(begun.is_set)
        for loaded in (0, 1):  # the first one alone may be another than the one that is meant
            await until(lambda count=loaded: len(server.repository.models) == count)  # type: ignore[misc]
            assert await status("first") == await status("second") == (503, "1")
            assert (await status("third"))[0] == 404
            assert await code("first") is grpc.StatusCode.UNAVAILABLE
            assert await code("third") is grpc.StatusCode.NOT_FOUND
            ready = await asyncio.to_thread(ask, rest, "/v2/models/first/ready")
            assert (ready.status, ready.json["ready"]) == (400, False)
            index = (await asyncio.to_thread(ask, rest, "/v2/repository/index", {})).json
            assert {model["state"] for model in index} == {"LOADING"}
            assert (await asyncio.to_thread(ask, rest, "/openapi.json")).status == 200
            holds.release()
        await until(lambda: server.plane.ready)
        assert (await status("first"))[0] == 422
        assert await code("third") is grpc.StatusCode.NOT_FOUND
    finally:
        holds.release(2)
        stop.set()
        await running
