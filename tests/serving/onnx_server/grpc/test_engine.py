"""Both engines answer alike: status, details, trailing metadata and bytes, but for the differences named here."""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.calling import channel, infer_request
from tests.serving.onnx_server.made import extremes
from tests.serving.onnx_server.malformed import Malformed
from tests.serving.wire import in_loop, message
from torchferry.errors import UserError
from torchferry.serving.onnx_server.grpc.engine import ENGINES

Addresses = dict[str, str]
INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
CHECK = "/grpc.health.v1.Health/Check"
LIMIT = 16 * 2**20 + 64 * 1024
RIGHT = message().SerializeToString()


@dataclass(frozen=True)
class Sent:
    method: str
    content: bytes | list[bytes]
    """Of one message, or of each of a stream."""
    metadata: tuple[tuple[str, str], ...] = ()
    compression: grpc.Compression | None = None

    def answer(self, address: str) -> tuple[Any, ...]:
        """Status, details, answers, and trailing metadata, of which a time is only named."""
        named = {"metadata": self.metadata, "compression": self.compression, "timeout": 60}
        with channel(address) as opened:
            try:
                if isinstance(self.content, bytes):
                    answered, call = opened.unary_unary(self.method).with_call(self.content, **named)
                else:
                    call = opened.stream_stream(self.method)(iter(self.content), **named)
                    answered = list(call)
                return "OK", call.details(), answered, _said(call)
            except grpc.RpcError as error:
                return error.code().name, error.details(), None, _said(error)


def _said(call: Any) -> dict[str, str]:
    return {key: "" if key == "server-timing" else value for key, value in call.trailing_metadata() or ()}


def asking(**change: Any) -> bytes:
    request = message()
    for name, value in change.items():
        setattr(request, name, value)
    return bytes(request.SerializeToString())


def hurried() -> bytes:
    request = message()
    request.parameters["timeout"].int64_param = 1
    return bytes(request.SerializeToString())


def of_length(length: int) -> bytes:
    """A request of so many bytes that asks for too little."""
    content = message(bytes(length - 100)).SerializeToString()
    return bytes(message(bytes(2 * length - 100 - len(content))).SerializeToString())


ALIKE = {
    "an answer": Sent(INFER, RIGHT),
    "every datatype": Sent(
        INFER,
        infer_request(
            "mirror", {f"in_{datatype}": values for datatype, values in extremes().items()}
        ).SerializeToString(),
    ),
    "packed": Sent(INFER, RIGHT, compression=grpc.Compression.Gzip),
    "no model": Sent(INFER, asking(model_name="nobody")),
    "no model, of a trace": Sent(INFER, asking(model_name="nobody"), (("x-request-id", "mine"),)),
    "no such text in a header": Sent(INFER, asking(model_name="é%\n☃")),
    "no message": Sent(INFER, b"\xff\xff"),
    "nothing": Sent(INFER, b""),
    "too late": Sent(INFER, hurried()),
    "as large as may be": Sent(INFER, of_length(LIMIT)),
    "larger": Sent(INFER, of_length(LIMIT + 1)),
    "no method": Sent("/inference.GRPCInferenceService/Nothing", RIGHT),
    "no service": Sent("/a.Service/Nothing", RIGHT),
    "not here": Sent("/inference.GRPCInferenceService/TraceSetting", b""),
    "not allowed": Sent("/inference.GRPCInferenceService/RepositoryModelLoad", b""),
    "15 KiB of metadata": Sent(INFER, RIGHT, (("x", "a" * 15 * 1024),)),
    "a trace": Sent(
        "/inference.GRPCInferenceService/ServerLive", b"", (("traceparent", f"00-{'1' * 32}-{'2' * 16}-01"),)
    ),
    "a stream": Sent(STREAM, [RIGHT, asking(model_name="nobody"), RIGHT]),
    "a stream of nothing": Sent(STREAM, []),
    "a stream that breaks off": Sent(STREAM, [RIGHT, b"\xff\xff"]),
    "two messages of one": Sent(INFER, [RIGHT, RIGHT]),
    "one message of a stream": Sent(STREAM, RIGHT),
    "health": Sent(CHECK, b""),
    "health of nobody": Sent(CHECK, b"\x0a\x06nobody"),
    "no message to health": Sent(CHECK, b"\xff"),
    "no message to watch": Sent(WATCH, [b"\xff"]),
    "no message to reflection": Sent(REFLECT, [b"\xff"]),
}
DIFFERENT = {
    "packed by deflate": (Sent(INFER, RIGHT, compression=grpc.Compression.Deflate), "OK", "UNIMPLEMENTED"),
    "17 KiB of metadata": (Sent(INFER, RIGHT, (("x", "a" * 17 * 1024),)), "RESOURCE_EXHAUSTED", "UNKNOWN"),
    "no message at all": (Sent(INFER, []), "", "INTERNAL"),
}
"""With the status by grpcio and by pygrpc-native; grpcio never answers the last."""


@pytest.mark.parametrize("name", ALIKE)
def test_both_answer_alike(on_grpcio: Addresses, on_native: Addresses, name: str) -> None:
    expected, answered = (ALIKE[name].answer(addresses["grpc"]) for addresses in (on_grpcio, on_native))
    assert answered == expected
    assert answered[0] != "UNKNOWN"


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_known_differences(on_grpcio: Addresses, on_native: Addresses, name: str) -> None:
    sent, by_grpcio, by_native = DIFFERENT[name]
    assert sent.answer(on_native["grpc"])[0] == by_native
    assert not by_grpcio or sent.answer(on_grpcio["grpc"])[0] == by_grpcio


def test_malformed_messages_have_the_same_end(on_grpcio: Addresses, on_native: Addresses) -> None:
    malformed = Malformed(24)
    sent = [malformed.message() for _ in range(200)]
    ends: list[list[str]] = []
    for addresses in (on_grpcio, on_native):
        with channel(addresses["grpc"]) as opened:
            infer = opened.unary_unary(INFER)
            ends.append([_end(infer, each) for each in sent])
    assert ends[0] == ends[1]
    assert len(set(ends[0])) > 3


def _end(infer: Any, content: bytes) -> str:
    try:
        answer = messages.ModelInferResponse.FromString(infer(content, timeout=60))
        return str(answer)
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content


PING, GOAWAY, SETTINGS, STREAMS = 6, 7, 4, 3


class Http2:
    """A connection that sends frames and keeps those that come."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.received = b""
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))

    def next_of(self, *kinds: int) -> tuple[int, bytes]:
        while True:
            while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3]):
                received = self.socket.recv(65536)
                assert received, "the server has closed the connection"
                self.received += received
            kind, end = self.received[3], 9 + int.from_bytes(self.received[:3])
            content, self.received = self.received[9:end], self.received[end:]
            if kind in kinds:
                return kind, content


@pytest.fixture
def lines(on_grpcio: Addresses, on_native: Addresses) -> Iterator[list[Http2]]:
    """A connection to each engine."""
    opened = [Http2(addresses["grpc"]) for addresses in (on_grpcio, on_native)]
    yield opened
    for line in opened:
        line.socket.close()


def test_a_connection_has_so_many_calls_at_a_time(lines: list[Http2]) -> None:
    """Or one that begins calls and gives them up would end those of others."""
    for line in lines:
        _, settings = line.next_of(SETTINGS)
        pairs = [struct.unpack(">HI", settings[start : start + 6]) for start in range(0, len(settings), 6)]
        assert dict(pairs)[STREAMS] == 100


def test_a_client_may_ping_while_it_asks_for_nothing(lines: list[Http2]) -> None:
    """As Go's do every 10 s. More than two pings that come too soon would be answered by GOAWAY."""
    for number in range(8):
        time.sleep(0.3)
        for line in lines:
            line.socket.sendall(frame(PING, 0, 0, bytes([number] * 8)))
            while (got := line.next_of(PING, GOAWAY)) != (PING, bytes([number] * 8)):
                assert got[0] == PING, got  # one of the server's own


@in_loop
async def test_grpcio_closes_a_connection_that_is_one_too_many() -> None:
    server = ENGINES["grpcio"]([], LIMIT, 2).server
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    opened = [await asyncio.to_thread(Http2, address) for _ in range(3)]
    try:
        for line in opened[:2]:
            await asyncio.to_thread(line.next_of, SETTINGS)
        assert await asyncio.to_thread(opened[2].socket.recv, 100) == b""
    finally:
        for line in opened:
            line.socket.close()
        await server.stop(0)


def test_an_engine_that_is_not_installed_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygrpc_native.aio", None)
    with pytest.raises(UserError, match=r"--grpc-engine: pygrpc_native.* pip install 'torchferry\[fast-grpc\]'"):
        ENGINES["native"]([], LIMIT, 1)
