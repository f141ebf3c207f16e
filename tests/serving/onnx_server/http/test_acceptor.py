"""A port takes the connections that it has room for; one too many is told so, and nothing of it stays."""

import asyncio
import contextlib
import json
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.serving.certificates import write_certificate
from tests.serving.onnx_server.models.held import until
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.clients import Clients
from torchferry.serving.net.tls import Certificate
from torchferry.serving.net.unix_sockets import listen_at
from torchferry.serving.onnx_server.http import acceptor
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.http.server import HttpServer
from torchferry.serving.onnx_server.shares import Shares

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """In either loop."""
    return partial(_run, LOOPS[request.param])


def _run(factory: Callable[[], asyncio.AbstractEventLoop], test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(test)


OPENED: "list[Client]" = []
"""By the test that runs; they are closed at its end."""


def hello(request: HttpRequest) -> None:
    request.answer(200, b"hello")


@contextlib.asynccontextmanager
async def started(
    most: int, most_of_client: int, trusted: tuple[str, ...] = (), *more: socket.socket, **given: Any
) -> AsyncIterator[HttpServer]:
    room, clients = Shares(most, most_of_client), Clients(trusted)
    OPENED.clear()
    server = HttpServer(hello, [*listeners("127.0.0.1", 0, "--port"), *more], room=room, clients=clients, **given)
    await server.start()
    try:
        yield server
    finally:
        for client in OPENED:
            client.writer.transport.abort()
        await server.stop(0)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        OPENED.append(self)

    @classmethod
    async def of(cls, server: HttpServer, address: str = "127.0.0.1") -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", server.port, local_addr=(address, 0)))

    async def ask(self) -> tuple[int, dict[str, str], bytes]:
        """Nothing if the connection has only ended."""
        self.writer.write(REQUEST)
        async with asyncio.timeout(20):
            start = await self.reader.readuntil(b"\r\n\r\n")
            lines = start.decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
            return int(lines[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ended(self) -> bool:
        async with asyncio.timeout(20):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


def test_a_client_with_its_share_is_refused_and_others_are_not(run: Callable[[Any], None]) -> None:
    async def test() -> None:
        refused: list[int] = []
        async with started(100, 2, refused=lambda: refused.append(1)) as server:
            first, second = await Client.of(server), await Client.of(server)
            for client in (first, second, first):
                assert (await client.ask())[0] == 200
            third = await Client.of(server)
            status, headers, body = await third.ask()
            said = json.loads(body)
            assert (status, headers["retry-after"], headers["connection"]) == (429, "1", "close")
            assert (said["code"], said["detail"].startswith("this client has its share of connections: 2")) == (
                "overloaded",
                True,
            )
            assert await third.ended()
            assert (server.connections, server.shared.room.held, refused) == (2, {"127.0.0.1": 2}, [1])
            assert (await (await Client.of(server, "127.0.0.2")).ask())[0] == 200
            first.writer.close()
            await until(lambda: server.shared.room.held["127.0.0.1"] == 1)
            assert (await (await Client.of(server)).ask())[0] == 200
        assert server.shared.room.held == {}

    run(test())


def test_a_port_that_is_full_says_so_with_a_503(run: Callable[[Any], None]) -> None:
    async def test() -> None:
        async with started(2, 2, ("127.0.0.1",)) as server:
            clients = [await Client.of(server) for _ in range(3)]
            for client in clients[:2]:
                assert (await client.ask())[0] == 200
            status, headers, body = await clients[2].ask()
            assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "1", "unavailable")

    run(test())


def test_a_trusted_proxy_has_as_many_as_it_likes_and_so_has_a_unix_socket(
    run: Callable[[Any], None], tmp_path: Path
) -> None:
    async def test() -> None:
        listener = listen_at(tmp_path / "socket", "--unix-socket")
        async with started(100, 1, ("127.0.0.0/8",), listener) as server:
            clients = [await Client.of(server) for _ in range(3)]
            clients += [Client(*await asyncio.open_unix_connection(tmp_path / "socket")) for _ in range(3)]
            for client in clients:
                assert (await client.ask())[0] == 200

    run(test())


def test_a_handshake_of_tls_has_a_place_and_an_end(
    run: Callable[[Any], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_certificate(tmp_path, 1)
    certificate = Certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 0.3)

    async def test() -> None:
        async with started(100, 1, (), certificate=certificate) as server:
            silent = await Client.of(server)
            await until(lambda: server.shared.room.taken == 1)
            assert await (await Client.of(server)).ended()  # without a word, which would need a handshake
            assert await silent.ended()
            wrong = await Client.of(server)
            wrong.writer.write(REQUEST)
            assert await wrong.reader.read() != b"hello"
            await until(lambda: server.shared.room.taken == 0)
            context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
            right = Client(*await asyncio.open_connection("127.0.0.1", server.port, ssl=context))
            assert (await right.ask())[0] == 200
            assert server.shared.room.taken == 1
            right.writer.close()
            await until(lambda: server.shared.room.taken == 0)

    run(test())


def test_whatever_a_connection_fails_with_nothing_of_it_stays(
    run: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(*_given: object, **_more: object) -> None:
        raise ValueError

    async def test() -> None:
        said: list[BaseException] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: said.append(context["exception"]))
        async with started(100, 100) as server:
            with monkeypatch.context() as broken:
                broken.setattr(loop, "connect_accepted_socket", cannot)
                assert await (await Client.of(server)).ended()
            assert server.shared.room.taken == 0
            await until(lambda: [type(error) for error in said] == [ValueError])
            assert (await (await Client.of(server)).ask())[0] == 200

    run(test())


def test_a_process_that_may_open_no_more_files_takes_others_as_soon_as_it_may(
    run: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def test() -> None:
        async with started(100, 100) as server:
            waiting = socket.socket()
            with socket.socket() as last:
                resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 1, hard))
            try:
                filler = socket.socket()
                waiting.setblocking(False)
                await asyncio.get_running_loop().sock_connect(waiting, ("127.0.0.1", server.port))
                await until(lambda: "cannot take a connection (Too many open files)" in capsys.readouterr().err)
                filler.close()
                await until(lambda: server.connections == 1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                waiting.close()

    run(test())
