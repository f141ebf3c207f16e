"""One request from its arrival to its answer: how long each stage took, for metrics, log and the client."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from torchferry.serving.onnx_server.inference import Outputs, Work
from torchferry.serving.onnx_server.trace_context import TraceContext

STAGES = ("decode", "queue", "batch_wait", "inference", "encode")
LONGEST_ID = 128
"""Letters of a request's id that are kept and come back."""
TIMING = {count: ", ".join(f"{stage};dur=%.3f" for stage in STAGES[:count]) for count in (1, len(STAGES))}


class Answers(Protocol):
    """Counts what a model answers, by label."""

    def add(self, outputs: Outputs) -> None: ...


class Sums(Protocol):
    """Adds up the outcomes of a model's requests."""

    def finished(self, context: "RequestContext", ok: bool) -> None: ...


class Counts(Protocol):
    """Counts and times a model's requests."""

    def finished(self, context: "RequestContext", outcome: str) -> None: ...


class Served(Protocol):
    """The model version that answers, as far as a request knows it."""

    name: str
    version: str

    @property
    def axes(self) -> Sequence[str]:
        """Of its inputs, those that vary."""

    @property
    def statistics(self) -> Sums: ...

    @property
    def counts(self) -> Counts: ...

    @property
    def answers(self) -> Answers | None: ...


class RequestContext:
    """Times are in seconds; `started` is of time.monotonic()."""

    seconds = 0.0
    """From its arrival to its end, once that has come."""
    model: Served | None = None
    """None until it is found."""
    work: Work | None = None
    """None until its tensors are queued."""
    samples = 0
    outputs: Outputs | None = None
    """None until they are computed."""
    cache = ""
    """hit or miss, where there is one."""
    decode = encode = 0.0
    in_line = 0.0
    """Until it was its turn in its sequence."""
    passed: Sequence[float] = ()
    request_id = ""
    trace: TraceContext | None = None
    """Of this server's span, in the caller's trace if it has sent one."""
    span: Any = None
    """OpenTelemetry's, where traces are sent."""

    def __init__(self, protocol: str) -> None:
        self.protocol, self.started = protocol, time.monotonic()

    def end(self) -> None:
        self.seconds = time.monotonic() - self.started

    def stages(self) -> Sequence[float]:
        """How long each of STAGES took, as they are when first asked for: at the end. Of a request that no session
        has computed the first alone."""
        if not self.passed:
            work = self.work
            if work and work.finished:
                in_queue, in_session = work.started - work.queued - work.delayed, work.finished - work.started
                in_queue += self.in_line
                self.passed = (self.decode, in_queue, work.delayed, in_session, self.encode)
            else:
                self.passed = (self.decode,)
        return self.passed

    def timing(self) -> str:
        """The stages in milliseconds, as Server-Timing has them (https://www.w3.org/TR/server-timing/)."""
        passed = self.stages()
        return TIMING[len(passed)] % tuple([1000 * seconds for seconds in passed])
