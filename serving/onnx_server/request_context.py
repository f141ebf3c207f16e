"""One request from its arrival to its answer: how long each stage took, for metrics, log and the client."""

import time
from collections.abc import Mapping
from typing import Any, Protocol

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
    """Times are in seconds; `started` is of time.monotonic()."""

    __slots__ = (
        "cache",
        "decode",
        "encode",
        "model",
        "outputs",
        "passed",
        "protocol",
        "request_id",
        "samples",
        "span",
        "started",
        "trace",
        "work",
    )

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
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
        self.decode = self.encode = 0.0
        self.passed: Mapping[str, float] | None = None
        self.request_id = ""
        self.trace: TraceContext | None = None
        """Of this server's span, in the caller's trace if it has sent one."""
        self.span: Any = None
        """OpenTelemetry's, where traces are sent."""

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
