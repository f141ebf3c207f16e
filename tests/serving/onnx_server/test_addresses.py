"""IPv4, IPv6, both, a name, and unix sockets: the server and our clients mean the same by each."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hosts import needs_hosts, two_hosts
from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.calling import call, infer_request
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.tiny_bundle import GOLDEN, written
from tests.waiting import wait_until
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.net.addresses import authority
from torchferry.serving.predict.predict_command import main as predict

FAMILIES = {"127.0.0.1", "::1"}


def ports(addresses: dict[str, str]) -> dict[str, int]:
    found = {
        name: urlsplit(addresses[name] if "//" in addresses[name] else f"//{addresses[name]}").port
        for name in (
            "rest",
            "grpc",
            "metrics",
            "admin",
        )
    }
    return {name: port for name, port in found.items() if port}


def answering(port: int) -> set[str]:
    """Those of the machine's own addresses that a port is open on."""
    found = set()
    for host in FAMILIES:
        try:
            socket.create_connection((host, port), timeout=20).close()
            found.add(host)
        except ConnectionRefusedError:
            pass
    return found


@pytest.mark.parametrize(
    ("host", "open_on"), [("::", FAMILIES), ("localhost", FAMILIES), ("::1", {"::1"}), ("127.0.0.1", {"127.0.0.1"})]
)
def test_a_host_means_the_same_for_rest_grpc_and_metrics(
    start_engine: StartServer, tmp_path: Path, host: str, open_on: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = start_engine(written(tmp_path).root, options=("--host", host)).wait_ready()
    found = ports(addresses)
    assert {name: answering(port) for name, port in found.items()} == {
        **dict.fromkeys(("rest", "grpc", "metrics"), open_on),
        "admin": FAMILIES,
    }
    assert ask(addresses["rest"], "/v2/models/tiny/ready").status == 200
    assert ask(addresses["metrics"], "/metrics").status == 200
    for address in open_on:
        assert call(authority(address, found["grpc"]), "ModelInfer", infer_request("tiny", {"row": GOLDEN}))
    (tmp_path / "rows.csv").write_text("0.25,0.75\n")
    for way in ((), ("--grpc",)):
        asked = [tmp_path / "rows.csv", "--model", "tiny", "--host", min(open_on), *way]
        asked += ["--port", found["rest"], "--grpc-port", found["grpc"], "--format", "jsonl"]
        predict(list(map(str, asked)))
        assert json.loads(capsys.readouterr().out)["label"] == "yes"


def test_unix_sockets_are_asked_as_ports_are_and_go_with_the_server(start_engine: StartServer, tmp_path: Path) -> None:
    rest, grpc = tmp_path / "rest", tmp_path / "grpc"
    options = ("--unix-socket", rest, "--grpc-unix-socket", grpc)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(rest))
    server = start_engine(written(tmp_path).root, options=options)
    addresses = server.wait_ready()
    assert (addresses["rest_unix"], addresses["grpc_unix"]) == (f"unix:{rest}", f"unix:{grpc}")
    clients = RestClient(addresses["rest_unix"]), GrpcClient(addresses["grpc_unix"])
    for client in clients:
        with client:
            assert client.infer("tiny", {"row": GOLDEN})["probabilities"].tolist() == GOLDEN.tolist()
    assert ask(addresses["rest"], "/v2/models/tiny/infer", {"inputs": [tensor("row", GOLDEN)]}).status == 200
    assert [path.stat().st_mode & 0o022 for path in (rest, grpc)] == [0, 0]
    server.process.terminate()
    assert server.process.wait(60) == 0
    assert not rest.exists()
    assert not grpc.exists()


@needs_hosts
@pytest.mark.server
def test_two_hosts_without_ipv4_one_serves_and_the_other_asks(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    served = ["up", "--runtime", "onnx", written(tmp_path).root, "--host", "::", "--ready-file", ready]
    python = [sys.executable, "-m", "torchferry"]
    (tmp_path / "rows.csv").write_text("0.25,0.75\n")
    with two_hosts("fd00:7::1", "fd00:7::2") as (a, b):
        server = a.start([*python, *served], tmp_path / "log")
        wait_until(lambda: ready.exists() or server.poll() is not None, 120)
        assert ready.exists(), (tmp_path / "log").read_text()
        assert json.loads(ready.read_text())["admin"] == "http://[::1]:8081"
        for way in ((), ("--grpc",)):
            words = [*python, "predict", tmp_path / "rows.csv", "--model", "tiny", "--host", a.address, *way]
            done = subprocess.run(b.command([*words, "--format", "jsonl"]), capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["label"] == "yes"
        read = f"import urllib.request; print(urllib.request.urlopen('http://[{a.address}]:8082/metrics').read())"
        done = subprocess.run(b.command([sys.executable, "-c", read]), capture_output=True, text=True, timeout=120)
        assert "torchferry_serve_requests_total" in done.stdout, done.stderr
        server.terminate()
        assert server.wait(60) == 0
