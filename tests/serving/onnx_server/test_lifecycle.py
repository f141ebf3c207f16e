"""Start, refusal to start, draining on SIGTERM and end of the server."""

import asyncio
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.commands import run_command
from tests.server import Server
from tests.serving.altered import another_version, damaged, slow, unloadable
from tests.serving.keys import write_key
from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, Connection, body, connections, head, in_loop
from tests.waiting import wait_until

CLIENTS = 12


async def keep_asking(connection: Connection, sent: bytes, statuses: Counter[int], pause: float = 0.001) -> int:
    """One request after the other until the server says that it closes the connection; the last status."""
    while True:
        status, headers, _ = await connection.exchange(sent)
        statuses[status] += 1
        if headers.get("connection") == "close":
            return status
        await asyncio.sleep(pause)


@pytest.mark.parametrize("pause", [0.001, 0.05], ids=["requests wait", "connections wait"])
@in_loop
async def test_sigterm_under_load_loses_no_request(
    start_server: StartServer, bundle: Path, tmp_path: Path, pause: float
) -> None:
    server = start_server(slow(bundle, tmp_path) if pause < 0.01 else bundle, options=("--threads", 1))
    rest = server.wait_ready()["rest"]
    answered, health = Counter[int](), Counter[int]()
    sent = head(INFER, len(body())) + body()
    async with connections(rest, CLIENTS + 2) as [*clients, first, second]:
        asking = [asyncio.create_task(keep_asking(client, sent, answered, pause)) for client in clients]
        ready = asyncio.create_task(keep_asking(first, head("/v2/health/ready", 0, "GET"), health))
        live = asyncio.create_task(keep_asking(second, head("/v2/health/live", 0, "GET"), Counter()))
        while answered[200] < 3 * CLIENTS:
            await asyncio.sleep(0.01)
        server.process.terminate()
        assert await ready == 400
        assert health[200]
        assert not server.ready_file.exists()
        assert await live == 200
        assert set(await asyncio.gather(*asking)) == set(answered) == {200}
        assert await asyncio.to_thread(server.process.wait, 60) == 0
    with pytest.raises(ConnectionRefusedError):
        await Connection.to(rest)


def half_a_request(address: str) -> socket.socket:
    """A request in flight that never ends: its body does not come."""
    where = urlsplit(address)
    connection = socket.create_connection((where.hostname, where.port), timeout=60)
    connection.sendall(head(INFER, 1000) + b"{")
    return connection


def test_a_second_signal_ends_it_at_once(start_server: StartServer) -> None:
    server = start_server()
    with half_a_request(server.wait_ready()["rest"]):
        server.process.terminate()
        wait_until(lambda: not server.ready_file.exists())
        time.sleep(0.2)
        assert server.process.poll() is None
        server.process.terminate()
        assert server.process.wait(20) == 128 + signal.SIGTERM


def test_what_is_not_answered_in_drain_timeout_is_dropped(start_server: StartServer) -> None:
    server = start_server(options=("--drain-timeout", 1))
    with half_a_request(server.wait_ready()["rest"]) as connection:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(25) == 0  # the body would have had 30 s
        assert b" 503 Service Unavailable" in connection.recv(1000)
    assert "Traceback" not in server.log.read_text()


def test_a_signal_while_it_starts_ends_it(start_server: StartServer) -> None:
    server = start_server()
    time.sleep(0.5)
    server.process.terminate()
    assert server.process.wait(60) in (0, 143), server.log.read_text()
    assert not server.ready_file.exists()


@pytest.mark.server
def test_the_ready_file_says_where_and_is_there_from_ready_to_the_end(bundle: Path, tmp_path: Path) -> None:
    stale = tmp_path / "ready.json"
    stale.write_text("from a server that was killed")
    server = Server(bundle, folder=tmp_path, runtime="onnx")
    wait_until(lambda: not stale.exists() or stale.read_text().startswith("{"))
    addresses: dict[str, Any] = dict(server.wait_ready())
    assert addresses["models"] == ["digits"]
    assert ask(addresses["rest"], "/v2/health/ready").status == ask(addresses["rest"], INFER, body()).status == 200
    server.stop()
    assert list(tmp_path.iterdir()) == [server.log]


def test_what_cannot_be_served_is_said_in_one_line(
    bundle: Path, run: Path, free_port_in_use: int, tmp_path: Path
) -> None:
    torch_only = tmp_path / "torch-only"
    made = run_command("-m", "torchferry", "export", run, "--variants", "torch", "-o", torch_only)
    assert made.returncode == 0, made.stderr
    trusted = write_key(tmp_path, "ours").with_suffix(".pub")
    ready, taken, any_port = tmp_path / "ready.json", free_port_in_use, ("--port", 0, "--metrics-port", 0)
    (tmp_path / "tokens").write_text("only-a-name")
    for arguments, words in [
        ((tmp_path / "nowhere",), "nowhere: is not a bundle"),
        ((torch_only,), "has no accepted variant for this server"),
        ((f"{bundle}:onnx-int8",), "accepted variants for this server are onnx-fp32"),
        ((bundle, bundle), "digits 1.0: is given more than once"),
        ((damaged(bundle, tmp_path, "3.0"), *any_port, "--grpc-port", 0), "model.onnx: is damaged"),
        ((unloadable(bundle, tmp_path, "4.0"), *any_port, "--grpc-port", 0), "model.onnx: onnxruntime cannot load it"),
        ((bundle, "--require-signature", trusted), "is not signed, and has to be"),
        ((bundle, "--port", taken), f"--port: cannot listen on 127.0.0.1:{taken}"),
        ((bundle, *any_port, "--grpc-port", taken), f"--grpc-port: cannot listen on 127.0.0.1:{taken}"),
        ((bundle, "--port", 70000), "--port: 70000 is not a port"),
        ((bundle, *any_port, "--grpc-port", 70000), "--grpc-port: 70000 is not a port"),
        ((bundle, "--max-queue", 0), "--max-queue: 0 is not valid; give a number above 0"),
        ((bundle, "--threads", -1), "--threads: -1 is not valid; give 0 or more"),
        ((bundle, "--timeout", "nan"), "--timeout"),
        ((bundle, "--timeout", "soon"), "--timeout"),
        ((bundle, "--tls-key", bundle), "give both or none"),
        ((bundle, "--tokens", tmp_path / "tokens"), "a line is not NAME TOKEN"),
    ]:
        done = run_command("-m", "torchferry", "up", "--runtime", "onnx", *arguments, "--ready-file", ready)
        assert done.returncode == 2, (arguments, done.stderr)
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert not ready.exists()


def test_two_versions_of_a_name_are_served_and_two_models_of_one_key_are_not(
    start_server: StartServer, bundle: Path, tmp_path: Path
) -> None:
    server: Server = start_server(bundle, another_version(bundle, tmp_path, "2.0"))
    rest = server.wait_ready()["rest"]
    assert ask(rest, "/v2/models/digits").json["versions"] == ["1.0", "2.0"]
