"""The server's parts without the server: models, a data plane, and the two protocols' far ends in memory."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from prometheus_client import CollectorRegistry

from tests.serving.onnx_server.models.held import Held, until
from tests.serving.tiny_bundle import VARIANT, described
from tests.serving.wire import head
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.net.auth import Access
from torchferry.serving.net.clients import Clients
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.open_calls import OpenCalls
from torchferry.serving.onnx_server.http.connection import Application, Connection, Port
from torchferry.serving.onnx_server.http.request import Header
from torchferry.serving.onnx_server.models.model import Loaded, Model, load
from torchferry.serving.onnx_server.models.plan import Plan
from torchferry.serving.onnx_server.models.repository import Repository, Source
from torchferry.serving.onnx_server.models.versions import STABLE, Versions
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.shares import Shares
from torchferry.serving.onnx_server.telemetry.metrics import Metrics


def model_of_bundle(bundle: Bundle, settings: Settings | None = None, **change: Any) -> Model:
    """Loaded, and then with `change` made to its bundle; it computes in the event loop, so that no thread stays."""
    given = settings or Settings(threads=1)
    loaded = load(bundle, VARIANT, given)
    changed = dataclasses.replace(loaded, bundle=dataclasses.replace(bundle, **change), inline=True)
    return Model(bundle.name, changed, given)


def model_of_session(session: Any, settings: Settings, bundle: Bundle) -> Model:
    """As it would be if a variant of the bundle had been loaded as this session."""
    loaded = Loaded(
        bundle=bundle,
        variant=VARIANT,
        plan=Plan(sessions=1, threads=3, max_batch=4),
        sessions=[session],
        seconds=0.5,
        inline=False,
        memory_bytes=0,
    )
    return Model(bundle.name, loaded, settings)


def held_bundle(**change: Any) -> Bundle:
    """What `Held` takes and gives."""
    x, y = (TensorSpec(name=name, datatype="FP64", shape=(-1, 2)) for name in ("x", "y"))
    return described(**{"inputs": (x,), "outputs": (y,)} | change)


@asynccontextmanager
async def serving_bundles(*served: Bundle, **settings: Any) -> AsyncIterator[DataPlane]:
    given, metrics = Settings(**settings), Metrics(CollectorRegistry())
    plane = DataPlane(given, Repository(given, metrics), metrics)
    for bundle in served:
        await plane.repository.load(Source(bundle.name, bundle, VARIANT))
    try:
        yield plane
    finally:
        await plane.repository.close()
        plane.threads.close()


@asynccontextmanager
async def serving_session(
    session: Held, bundle: Bundle | None = None, **settings: Any
) -> AsyncIterator[tuple[DataPlane, Model]]:
    """A plane with one model, whose session a test holds and lets go."""
    given, metrics = Settings(**settings), Metrics(CollectorRegistry())
    plane = DataPlane(given, Repository(given, metrics), metrics)
    model = model_of_session(session, given, bundle or held_bundle())
    plane.repository.models[model.name] = Versions(model.name)
    plane.repository.versions(model.name).put(model, STABLE, 0.0)
    metrics.loaded(model)
    try:
        yield plane, model
    finally:
        session.may_run.release(1000)
        await until(lambda: model.scheduler.queued == model.scheduler.running == 0)
        model.scheduler.close()
        plane.threads.close()


class MemoryTransport(asyncio.Transport):
    """Keeps what is written, each write for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = self.aborted = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """The client sees the same end."""
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing comes but what a test sends."""

    def resume_reading(self) -> None:
        """As above."""


@dataclass(frozen=True)
class Said:
    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """A connection over HTTP, whose bytes go through no socket."""

    def __init__(self, application: Application, headers: tuple[Header, ...] = ()) -> None:
        self.port = Port(application, headers)
        self.transport = MemoryTransport()
        self.port.room.take("")
        self.protocol = Connection(self.port, self.port.clients.peer(""))
        self.protocol.connection_made(self.transport)

    async def ask(self, path: str, content: Any = b"", method: str = "POST", **headers: str) -> Said:
        """`content` is sent as JSON unless it is bytes."""
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        before = len(self.transport.writes)
        self.send(head(path, len(sent), method, **headers) + sent)
        await until(lambda: len(self.transport.writes) > before and not self.protocol.unsent)
        return said(b"".join(self.transport.writes[before:]))

    def send(self, content: bytes) -> None:
        self.protocol.data_received(content)

    def lose(self) -> None:
        """The client hangs up."""
        self.protocol.connection_lost(ConnectionResetError())


def said(answer: bytes) -> Said:
    start, _, content = answer.partition(b"\r\n\r\n")
    status, *lines = start.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    del headers["date"]
    assert int(headers["content-length"]) == len(content)
    return Said(int(status.split()[1]), headers, content)


def open_calls(most: int = 100, most_of_client: int = 100, access: Access | None = None) -> OpenCalls:
    return OpenCalls(Clients(), access or Access(None), Shares(most, most_of_client), lambda: None)


class Call:
    """A gRPC call's context, which keeps how the call ended."""

    def __init__(
        self, metadata: Sequence[tuple[str, str]] = (), left: float | None = None, peer: str = "unix:"
    ) -> None:
        self.metadata, self.left, self.caller = metadata, left, peer
        self.code: grpc.StatusCode | None = None
        self.details = ""
        self.trailing: dict[str, str] = {}

    def peer(self) -> str:
        return self.caller

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self.metadata

    def time_remaining(self) -> float | None:
        return self.left

    def set_trailing_metadata(self, trailing: Sequence[tuple[str, str]]) -> None:
        self.trailing = dict(trailing)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing: Sequence[tuple[str, str]] = ()) -> None:
        self.code, self.details, self.trailing = code, details, dict(trailing)
        raise grpc.aio.AbortError(details)
