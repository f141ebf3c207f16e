"""20,000 requests that are almost right, over both protocols and on bare sockets; the server minds none of them."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np

from tests.server import Server
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.malformed import Malformed
from tests.serving.wire import connections, in_loop, outcomes, resident_mib
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.client import Client, GrpcClient, RestClient

REQUESTS, STREAMS, MESSAGES, SOCKETS = 6000, 1400, 2400, 200
"""Of each kind in one half, 10,000 together."""
CLIENTS = 4
MIB = 32
"""By how much the server's memory may differ between the halves."""
CALLS = (
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions",
    "/inference.GRPCInferenceService/Nothing",
)
FAULTS = {"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "ABORTED"}
"""What the client is not to blame for."""


@in_loop
async def test_malformed_requests_are_refused_and_leave_nothing_behind(start_server: StartServer, bundle: Path) -> None:
    server = start_server()
    addresses = server.wait_ready()
    statuses, codes, mib = Counter[int](), Counter[str](), []
    for half in range(2):
        await asyncio.gather(
            *(ask(addresses["rest"], Malformed(10 * half + client), statuses) for client in range(CLIENTS)),
            asyncio.to_thread(call, addresses["grpc"], Malformed(100 + half), codes),
        )
        await asyncio.to_thread(pour, addresses, Malformed(200 + half), statuses)
        mib.append(resident_mib(server))
    assert not {status for status in statuses if status >= 500}, statuses
    assert {200, 400, 404, 405, 413, 415, 422} <= set(statuses)
    assert not FAULTS & set(codes), codes
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED"} <= set(codes)
    assert sum(statuses.values()) > 2 * REQUESTS
    assert mib[1] < mib[0] + MIB
    assert outcomes(addresses["metrics"])["server_error"] == 0
    assert len(server.log.read_text().splitlines()) < 20  # nobody can fill the log
    assert_right(server, addresses, bundle)


async def ask(address: str, malformed: Malformed, statuses: Counter[int]) -> None:
    """Requests whose length is right: each is answered, on a connection that is kept."""
    async with connections(address, 1) as [connection]:
        for _ in range(REQUESTS // CLIENTS):
            status, _, content = await connection.exchange(sent := malformed.request())
            assert content.startswith((b"{", b"[")), (sent, content)
            statuses[status] += 1


def call(address: str, malformed: Malformed, codes: Counter[str]) -> None:
    def same(given: bytes) -> bytes:
        return given

    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        for _ in range(MESSAGES):
            method, sent = malformed.random.choice(CALLS), malformed.message()
            try:
                if "Stream" in method:
                    both = iter([sent, malformed.message()])
                    codes["OK"] += len(list(channel.stream_stream(method, same, same)(both, timeout=60)))
                else:
                    channel.unary_unary(method, same, same)(sent, timeout=60)
                    codes["OK"] += 1
            except grpc.RpcError as error:
                codes[error.code().name] += 1


def pour(addresses: dict[str, str], malformed: Malformed, statuses: Counter[int]) -> None:
    """Whatever comes, into connections that are dropped: some before the answer, some after a part of it."""
    rest, rpc = (address.rpartition(":")[2] for address in (addresses["rest"], addresses["grpc"]))
    for _ in range(STREAMS):
        _pour(int(rest), malformed.stream, statuses)
    for _ in range(SOCKETS):
        _pour(int(rpc), lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + malformed.random.randbytes(200), Counter())


def _pour(port: int, content: Callable[[], bytes], statuses: Counter[int]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=0.02) as connection:
        try:
            connection.sendall(content())
            while received := connection.recv(65536):
                if received.startswith(b"HTTP/1.1 "):
                    statuses[int(received[9:12])] += 1
        except OSError:  # it waits for more, or has closed the connection
            pass


def assert_right(server: Server, addresses: dict[str, str], bundle: Path) -> None:
    assert server.process.poll() is None
    inputs, expected = bundles.load(bundle).golden()
    clients: list[Client] = [RestClient(addresses["rest"]), GrpcClient(addresses["grpc"])]
    for client in clients:
        with client:
            np.testing.assert_allclose(
                client.infer("digits", inputs)["probabilities"], expected["probabilities"], atol=1e-4
            )
