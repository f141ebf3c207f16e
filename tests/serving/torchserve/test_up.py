"""Start, refusal to start and stop of `torchferry up --runtime torchserve`."""

import shutil
import signal
import socket
import sys
import threading
import zipfile
from pathlib import Path

import psutil
import pytest
import urllib3

from tests.commands import run_command
from tests.server import Server
from tests.waiting import wait_until
from torchferry.serving.client import GrpcClient, Refused
from torchferry.serving.net.addresses import authority
from torchferry.serving.torchserve.launcher import NOT_BOUND, TorchServe
from torchferry.serving.torchserve.settings import LOOPBACK, Settings


def processes_of(server: Server) -> list[psutil.Process]:
    return [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]


def all_gone(processes: list[psutil.Process]) -> bool:
    """Zombies are gone as well: where nobody is init, nobody reaps those that lost their parent."""
    alive = psutil.wait_procs(processes, timeout=20)[1]
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


@pytest.mark.server
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_leaves_nothing(name: signal.Signals, bundle: Path, tmp_path: Path) -> None:
    stale = tmp_path / "ready.json"
    stale.write_text("from a server that was killed")
    server = Server(bundle, folder=tmp_path, python=sys.executable)
    wait_until(lambda: not stale.exists())
    server.wait_ready()
    processes = processes_of(server)
    assert len(processes) >= 4  # ours, Java and two workers
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    folder = Path(processes[1].cwd())
    server.process.send_signal(name)
    assert server.process.wait(60) == 0
    assert all_gone(processes)
    assert not server.ready_file.exists()
    assert not folder.exists()


@pytest.mark.server
def test_a_signal_while_it_starts_stops_it_as_well(store: Path, tmp_path: Path) -> None:
    server = Server(store, folder=tmp_path, python=sys.executable)
    wait_until(lambda: len(processes_of(server)) > 1)
    processes = processes_of(server)
    server.stop()
    assert server.process.returncode == 0, server.log.read_text()
    assert all_gone(processes)


@pytest.mark.server
def test_a_port_that_somebody_takes_first_is_replaced(store: Path) -> None:
    """Also where it is free again when it is looked at: two servers that start together may each lose one."""
    free = {"port": 0, "grpc_port": 0, "metrics_port": 0, "gateway": "none"}
    server = TorchServe([store / "digits-onnx-fp32.mar"], Settings(**free))  # type: ignore[arg-type]
    lost = server.ports
    with socket.create_server((LOOPBACK, lost.grpc_management)) as first:

        def give_up() -> None:
            wait_until(lambda: server.log.exists() and bool(NOT_BOUND.search(server.log.read_text())))
            first.close()

        giving_up = threading.Thread(target=give_up)
        giving_up.start()
        try:
            server.start(lambda: False)
            giving_up.join()
            assert server.ports != lost
            assert server.management.standing("digits-onnx-fp32")
        finally:
            server.stop()


@pytest.mark.server
def test_those_that_start_together_all_get_ready_on_either_family(
    store: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """They want the same management ports, and each may take one that another has claimed."""
    mar = store / "digits-onnx-fp32.mar"
    hosts = ("127.0.0.1", "::1", "::") if socket.has_ipv6 else ("127.0.0.1",) * 3
    servers = [Server(mar, folder=tmp_path_factory.mktemp("together"), options=("--host", host)) for host in hosts]
    try:
        found = [server.wait_ready() for server in servers]
        assert len({addresses["management"] for addresses in found}) == 3
        for host, addresses in zip(hosts, found, strict=True):
            for address in (LOOPBACK, "::1") if host == "::" else (host,):
                rest, grpc = (authority(address, int(addresses[name].rpartition(":")[2])) for name in ("rest", "grpc"))
                assert urllib3.request("GET", f"http://{rest}/ping").status == 200
                with GrpcClient(grpc) as client, pytest.raises(Refused, match="are not an image"):
                    client.predict("digits-onnx-fp32", b"x")
    finally:
        for server in servers:
            server.stop()


def test_bad_input_is_refused_in_one_line(store: Path, free_port_in_use: int, tmp_path: Path) -> None:
    (tmp_path / "text.mar").write_text("no archive")
    renamed, damaged = tmp_path / "renamed.mar", tmp_path / "digits-torch.mar"
    shutil.copy(store / damaged.name, renamed)
    with zipfile.ZipFile(store / damaged.name) as archive:
        member = archive.getinfo("golden/inputs.npz")
    content = bytearray(renamed.read_bytes())
    content[member.header_offset + 30 + len(member.filename) + 20] ^= 1
    damaged.write_bytes(content)
    for arguments, words in [
        ((tmp_path / "nowhere",), "is neither a bundle, nor a .mar archive"),
        ((tmp_path / "text.mar",), "text.mar: is damaged, or not an archive made by torchferry archive"),
        ((store, store), "is given more than once"),
        ((renamed,), "holds the model digits-torch; call it digits-torch.mar"),
        ((damaged,), "digits-torch.mar: is damaged"),
        ((store, "--ready-file", tmp_path), "--ready-file"),
        ((store, "--ready-file", tmp_path / "missing" / "ready.json"), "--ready-file"),
        ((store, "--port", 0, "--grpc-port", 18090, "--metrics-port", 18090), "--metrics-port: 18090 is another port"),
        ((store, "--port", free_port_in_use), f"--port: cannot listen on 127.0.0.1:{free_port_in_use}"),
        ((store, "--port", 0, "--grpc-port", free_port_in_use), "--grpc-port"),
        ((store, "--port", 70000), "--port: 70000 is not a port"),
        ((store, "--host", "192.0.2.1"), "--port: cannot listen on 192.0.2.1"),
    ]:
        done = run_command("-m", "torchferry", "up", "--runtime", "torchserve", "--gateway", "none", *arguments)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
