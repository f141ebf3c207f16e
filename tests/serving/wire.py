"""A raw HTTP/1.1 client, a gRPC stub and metrics readers for tests under load."""

import asyncio
import functools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ParamSpec, Self
from urllib.parse import urlsplit

import grpc
import psutil
import urllib3
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

from tests.server import Server

INFER = "/v2/models/digits/infer"
PREDICT = "/predictions/digits"
SHAPE = [1, 1, 8, 8]
SECONDS = 60

Given = ParamSpec("Given")


def in_loop(test: Callable[Given, Coroutine[Any, Any, None]]) -> Callable[Given, None]:
    """Makes an ordinary test of a coroutine."""

    @functools.wraps(test)
    def run(*given: Given.args, **named: Given.kwargs) -> None:
        asyncio.run(test(*given, **named))

    return run


def body(*, parameters: Mapping[str, Any] | None = None, **change: Any) -> bytes:
    """A JSON inference of one black digit, with what is changed of its tensor."""
    tensor = {"name": "image", "shape": SHAPE, "datatype": "UINT8", "data": [0] * 64} | change
    return json.dumps({"inputs": [tensor], "parameters": parameters or {}}).encode()


def message(raw: bytes = bytes(64), **change: Any) -> Any:
    """The same as a ModelInferRequest."""
    request = messages.ModelInferRequest(model_name="digits", raw_input_contents=[raw])
    request.inputs.add(**{"name": "image", "shape": SHAPE, "datatype": "UINT8"} | change)
    return request


def head(path: str, length: int, method: str = "POST", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Connection:
    """One that is kept until an answer says that it ends; it sends whatever it is told to."""

    def __init__(self, address: str, source: str = "127.0.0.1") -> None:
        """`source`: the address that it comes from."""
        self.where, self.source, self.ended = urlsplit(address), source, False

    @classmethod
    async def to(cls, address: str, source: str = "127.0.0.1") -> Self:
        connection = cls(address, source)
        await connection.open()
        return connection

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(
            self.where.hostname, self.where.port, local_addr=(self.source, 0)
        )
        self.ended = False

    async def post(self, path: str, content: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        if self.ended:
            self.close()
            await self.open()
        return await self.exchange(head(path, len(content), **headers) + content)

    async def exchange(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, and body. Raises ConnectionError if there is no whole answer."""
        self.writer.write(sent)
        await self.writer.drain()
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        try:
            lines = (
                (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), SECONDS)).decode("latin-1").split("\r\n")
            )
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
            content = await asyncio.wait_for(self.reader.readexactly(int(headers.get("content-length", 0))), SECONDS)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the connection ended before the answer did") from error
        self.ended = headers.get("connection") == "close"
        return int(lines[0].split()[1]), headers, content

    def close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def connections(address: str, count: int, source: str = "127.0.0.1") -> AsyncIterator[list[Connection]]:
    opened = [await Connection.to(address, source) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


@contextmanager
def stub(address: str) -> Iterator[Any]:
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(address, options) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def outcomes(address: str) -> Counter[str]:
    """How many requests ended how, so far."""
    page = urllib3.request("GET", address).data.decode()
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == "torchferry_serve_requests_total":
                found[sample.labels["outcome"]] += int(sample.value)
    return found


def resident_mib(server: Server) -> float:
    return float(psutil.Process(server.process.pid).memory_info().rss / 2**20)
