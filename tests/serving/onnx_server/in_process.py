"""The server's parts without the server: a tiny model, a data plane, and the two protocols' far ends in memory."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnx
import uvicorn
from onnx import TensorProto, helper, numpy_helper
from prometheus_client import CollectorRegistry
from uvicorn.server import ServerState

from serving import bundle as bundles
from serving.bundle import Bundle, TensorSpec
from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.http.protocol import Protocol
from serving.onnx_server.models.model import Model, load
from serving.onnx_server.models.repository import Repository, Source
from serving.onnx_server.settings import Settings
from serving.onnx_server.telemetry.metrics import Metrics
from serving.variant import Measured, Speed, Variant
from tests.serving.wire import head

VARIANT = "onnx-fp32"
GOLDEN = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)


def tiny_bundle(folder: Path, name: str = "tiny", version: str = "1.0", factor: float = 1.0) -> Bundle:
    """Takes `x` of FP32 [batch, 2] and gives `y`, `factor` times as large, which it labels no and yes."""
    root = folder / f"{name}-{version}"
    (root / "golden").mkdir(parents=True)
    _save_graph(root / "model.onnx", factor)
    np.savez(root / "golden" / "inputs.npz", x=GOLDEN)
    np.savez(root / "golden" / "outputs.npz", y=np.float32(factor) * GOLDEN)
    inputs, outputs = ((TensorSpec(name=side, datatype="FP32", shape=(-1, 2)),) for side in ("x", "y"))
    bundle = Bundle(
        root=root,
        name=name,
        version=version,
        task="classification",
        inputs=inputs,
        outputs=outputs,
        decode=None,
        labels=("no", "yes"),
        reference={},
        variants={VARIANT: variant()},
        skipped={},
        provenance={},
        files=bundles.checksums(root),
    )
    bundles.write(bundle)
    return bundle


def variant(batch_1_ms: float = 0.01, **change: Any) -> Variant:
    measured = Measured(
        samples=2,
        max_abs_diff=0.0,
        mean_abs_diff=0.0,
        relative_error=0.0,
        top1_agreement=1.0,
        accuracy=None,
        accuracy_drop=None,
    )
    made = Variant(
        status="accepted",
        reason=None,
        note=None,
        file="model.onnx",
        bytes=1,
        measured=measured,
        speed=Speed(load_seconds=0.1, batch_1_ms=batch_1_ms, batch_8_ms=2 * batch_1_ms, threads=1),
        limits={},
        golden_tolerance=1e-6,
    )
    return dataclasses.replace(made, **change)


def _save_graph(path: Path, factor: float) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("x", "y"))
    factors = [numpy_helper.from_array(np.array(factor, np.float32), "factor")]
    graph = helper.make_graph([helper.make_node("Mul", ["x", "factor"], ["y"])], "tiny", [x], [y], factors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def make_model(bundle: Bundle, settings: Settings | None = None, **change: Any) -> Model:
    """Loaded, and then with `change` made to its bundle; it computes in the event loop, so that no thread stays."""
    given = settings or Settings(threads=1)
    loaded = load(bundle, VARIANT, given)
    changed = dataclasses.replace(loaded, bundle=dataclasses.replace(bundle, **change), inline=True)
    return Model(bundle.name, changed, given)


@asynccontextmanager
async def serving_plane(*served: Bundle, **settings: Any) -> AsyncIterator[DataPlane]:
    given, metrics = Settings(**settings), Metrics(CollectorRegistry())
    plane = DataPlane(given, Repository(given, metrics), metrics)
    for bundle in served:
        await plane.repository.load(Source(bundle.name, bundle, VARIANT))
    plane.loaded = True
    try:
        yield plane
    finally:
        await plane.repository.close()
        plane.threads.shutdown()


class MemoryTransport(asyncio.Transport):
    """Keeps what is written, each write for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

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
    """A connection to an ASGI application over HTTP, whose bytes go through no socket."""

    def __init__(self, application: Any) -> None:
        config = uvicorn.Config(application, http=Protocol, ws="none", lifespan="off", log_config=None)
        self.transport = MemoryTransport()
        self.protocol = Protocol(config, ServerState(), {}, asyncio.get_running_loop())
        self.protocol.connection_made(self.transport)

    async def ask(self, path: str, content: Any = b"", method: str = "POST", **headers: str) -> Said:
        """`content` is sent as JSON unless it is bytes."""
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        before = len(self.transport.writes)
        self.send(head(path, len(sent), method, **headers) + sent)
        await asyncio.gather(*self.protocol.tasks)
        return _said(b"".join(self.transport.writes[before:]))

    def send(self, content: bytes) -> None:
        self.protocol.data_received(content)

    def lose(self) -> None:
        """The client hangs up."""
        self.protocol.connection_lost(ConnectionResetError())


def _said(answer: bytes) -> Said:
    start, _, content = answer.partition(b"\r\n\r\n")
    status, *lines = start.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["content-length"]) == len(content)
    return Said(int(status.split()[1]), headers, content)


class Call:
    """A gRPC call's context, which keeps how the call ended."""

    def __init__(self, metadata: Sequence[tuple[str, str]] = (), left: float | None = None) -> None:
        self.metadata, self.left = metadata, left
        self.code: grpc.StatusCode | None = None
        self.details = ""
        self.trailing: dict[str, str] = {}

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self.metadata

    def time_remaining(self) -> float | None:
        return self.left

    def set_trailing_metadata(self, trailing: Sequence[tuple[str, str]]) -> None:
        self.trailing = dict(trailing)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing: Sequence[tuple[str, str]] = ()) -> None:
        self.code, self.details, self.trailing = code, details, dict(trailing)
        raise grpc.aio.AbortError(details)
