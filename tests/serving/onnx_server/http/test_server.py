"""An application on a port: it answers there, takes no more connections when told, and ends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from tests.serving.onnx_server.models.held import until
from tests.serving.wire import Connection, head, in_loop
from torchferry.serving.net.addresses import listeners
from torchferry.serving.onnx_server.http.errors import fail
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.http.server import HttpServer


def hello(request: HttpRequest) -> None:
    request.answer(200, b"hello")


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[tuple[HttpServer, str]]:
    """And its address."""
    server = HttpServer(hello, listeners("127.0.0.1", 0, "--port"))
    await server.start()
    try:
        yield server, f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop(0)


@in_loop
async def test_it_answers_on_its_listeners_port_and_counts_its_connections() -> None:
    async with started() as (server, address):
        assert server.connections == 0
        connection = await Connection.to(address)
        status, headers, content = await connection.post("/", b"")
        assert (status, content) == (200, b"hello")
        assert "server" not in headers
        assert server.connections == 1
        connection.close()
        await until(lambda: server.connections == 0)


@in_loop
async def test_new_connections_are_refused_and_open_ones_go_on() -> None:
    async with started() as (server, address):
        open_one = await Connection.to(address)
        assert (await open_one.post("/", b""))[0] == 200
        await server.refuse_new(60)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(Connection.to(address), 10)
        assert (await open_one.post("/", b""))[2] == b"hello"
        open_one.close()


@in_loop
async def test_after_it_has_stopped_its_port_is_free() -> None:
    async with started() as (server, address):
        idle = await Connection.to(address)
    assert await idle.reader.read() == b""
    idle.close()
    socket.create_server(("127.0.0.1", server.port)).close()


@in_loop
async def test_a_connection_that_is_new_as_it_stops_gets_its_first_answer() -> None:
    async with started() as (server, address):
        fresh, used = await Connection.to(address), await Connection.to(address)
        await used.post("/", b"")
        stopping = asyncio.ensure_future(server.stop(60))
        assert await used.reader.read() == b""
        assert (await fresh.post("/", b""))[2] == b"hello"
        await stopping
        used.close()
        fresh.close()


@in_loop
async def test_what_is_in_flight_is_answered_as_it_stops_and_then_the_connection_ends() -> None:
    asked: list[HttpRequest] = []
    server = HttpServer(asked.append, listeners("127.0.0.1", 0, "--port"))
    await server.start()
    connection = await Connection.to(f"http://127.0.0.1:{server.port}")
    waiting = asyncio.ensure_future(connection.post("/", b""))
    await until(lambda: bool(asked))
    stopping = asyncio.ensure_future(server.stop(60))
    await until(lambda: server.ending)
    asked[0].answer(200, b"late")
    status, headers, content = await waiting
    await stopping
    connection.close()
    assert (status, headers["connection"], content) == (200, "close", b"late")


@in_loop
@pytest.mark.parametrize("waits_for_body", [True, False])
async def test_what_is_not_answered_in_time_is_told_so(waits_for_body: bool) -> None:
    asked: list[HttpRequest] = []

    def wait(request: HttpRequest) -> None:
        request.gone = lambda error: fail(request, error)
        asked.append(request)
        if waits_for_body:
            request.take_body(100, 60, lambda _: request.answer(499, b""))

    server = HttpServer(wait, listeners("127.0.0.1", 0, "--port"))
    await server.start()
    connection = await Connection.to(f"http://127.0.0.1:{server.port}")
    waiting = asyncio.ensure_future(connection.exchange(head("/", 9 if waits_for_body else 0)))
    await until(lambda: bool(asked))
    await server.stop(0)
    assert (await waiting)[0] == 503
    connection.close()


@in_loop
async def test_a_coroutine_that_is_ended_still_tells_its_client() -> None:
    begun: list[HttpRequest] = []

    async def wait(request: HttpRequest) -> None:
        begun.append(request)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            fail(request, error)

    server = HttpServer(wait, listeners("127.0.0.1", 0, "--port"))
    await server.start()
    connection = await Connection.to(f"http://127.0.0.1:{server.port}")
    waiting = asyncio.ensure_future(connection.post("/", b""))
    await until(lambda: bool(begun))
    await server.stop(0)
    assert (await waiting)[0] == 503
    connection.close()
