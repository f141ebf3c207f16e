"""One request from its arrival to its answer: how long each stage took, for metrics, log and the client."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

from torchferry.serving.onnx_server.inference import Outputs, Work
from torchferry.serving.onnx_server.trace_context import TraceContext


class Answers(Protocol):
    """Counts what a model answers, by label."""

    def add(self, outputs: Outputs) -> None: ...


class Sums(Protocol):
    """Adds up the outcomes of a model's requests."""

    def finished(self, context: "RequestContext", ok: bool) -> None: ...


class Served(Protocol):
    """The model version that answers, as far as a request knows it."""

    name: str
    version: str

    @property
    def answers(self) -> Answers | None:
        """Where they are counted by label, if they are."""

    @property
    def statistics(self) -> Sums: ...


class RequestContext:
    """`with` it around the request. Times are in seconds; `started` is of time.monotonic()."""

    __slots__ = (
        "cache",
        "decode",
        "encode",
        "finished",
        "model",
        "outputs",
        "passed",
        "protocol",
        "request_id",
        "samples",
        "span",
        "started",
        "trace",
        "waits_for",
        "work",
    )

    def __init__(self, protocol: str, finished: "Callable[[RequestContext, BaseException | None], None]") -> None:
        """`finished` is called once, at the end, with what ended it if it is not an answer."""
        self.protocol, self.finished = protocol, finished
        self.started = time.monotonic()
        self.model: Served | None = None
        """None until it is found."""
        self.work: Work | None = None
        """None until its tensors are queued."""
        self.samples = 0
        self.outputs: Outputs | None = None
        """None until they are computed."""
        self.cache = ""
        """hit or miss, where there is one."""
        self.waits_for: asyncio.Future[Any] | None = None
        """What is to be cancelled if nobody wants the answer any more."""
        self.decode = self.encode = 0.0
        self.passed: Mapping[str, float] | None = None
        self.request_id = ""
        self.trace: TraceContext | None = None
        """Of this server's span, in the caller's trace if it has sent one."""
        self.span: Any = None
        """OpenTelemetry's, where traces are sent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.finished(self, error)

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        if self.waits_for:
            self.waits_for.cancel()

    def stages(self) -> Mapping[str, float]:
        """Those that it passed, by name, as they are when it is first asked for: at the end."""
        if self.passed is None:
            self.passed = self._stages()
        return self.passed

    def timing(self) -> str:
        """The stages in milliseconds, as Server-Timing has them (https://www.w3.org/TR/server-timing/)."""
        return ", ".join(f"{stage};dur={1000 * seconds:.3f}" for stage, seconds in self.stages().items())

    def _stages(self) -> dict[str, float]:
        stages = {"decode": self.decode}
        if (work := self.work) and work.finished:
            stages["queue"] = work.started - work.queued - work.delayed
            stages["batch_wait"] = work.delayed
            stages["inference"] = work.finished - work.started
            stages["encode"] = self.encode
        return stages
