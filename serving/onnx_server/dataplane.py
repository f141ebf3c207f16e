"""The data plane that the requests of all protocols share: models, settings, and where outcomes are counted."""

import asyncio
from typing import TYPE_CHECKING

from torchferry.serving.cpu import cores
from torchferry.serving.errors import ClientGone, DeadlinePassed, Overloaded, RequestError, Unavailable
from torchferry.serving.net.clients import Clients
from torchferry.serving.onnx_server.decode_threads import DecodeThreads
from torchferry.serving.onnx_server.intake import Intake
from torchferry.serving.onnx_server.models.repository import Repository
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.telemetry.access_log import AccessLog
from torchferry.serving.onnx_server.telemetry.metrics import Metrics
from torchferry.serving.onnx_server.trace_context import TraceContext
from torchferry.serving.onnx_server.turns import Turns

if TYPE_CHECKING:
    from torchferry.serving.onnx_server.telemetry.tracing import Tracing


class DataPlane:
    def __init__(
        self, settings: Settings, repository: Repository, metrics: Metrics, tracing: "Tracing | None" = None
    ) -> None:
        self.settings, self.repository, self.metrics, self.tracing = settings, repository, metrics, tracing
        self.access_log = AccessLog(settings.access_log, settings.access_log_share)
        self.threads = DecodeThreads(cores())
        self.turns = Turns()
        self.clients = Clients(settings.trusted_proxy)
        self.intake = Intake.of(settings.max_body_bytes)
        self.inside = 0
        """Requests that a model has taken and not answered yet, also a model that is being closed."""
        self.draining = False

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here. What was loaded has given its golden outputs."""
        return bool(self.repository.models) and not (self.repository.absent.is_starting or self.draining)

    def answers(self, name: str, version: str) -> bool:
        """Whether requests to the model should be sent here. Raises UnknownModel."""
        try:
            return bool(self.repository.find(name, version)) and self.ready
        except Unavailable:
            return False

    def trace(self, context: RequestContext, traceparent: str) -> None:
        """Make the request a part of its caller's trace, or of one of its own where traces are sent."""
        caller = TraceContext.read(traceparent) if traceparent else None
        if self.tracing:
            context.span, context.trace = self.tracing.begin(caller)
        elif caller:
            context.trace = caller.child()

    def finished(self, context: RequestContext, error: BaseException | None) -> None:
        """Count the request, whatever became of it; once for each."""
        context.end()
        outcome = _outcome(error)
        self.metrics.finished(context, outcome)
        if context.model:
            context.model.statistics.finished(context, outcome == "ok")
        if self.tracing and context.span:
            self.tracing.finished(context, context.span, outcome)
        self.access_log.finished(context, outcome, f"{type(error).__name__}: {error}" if error else "")


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, Overloaded):
        return "overloaded"
    if isinstance(error, Unavailable):
        return "unavailable"
    if isinstance(error, asyncio.CancelledError | ClientGone):
        return "cancelled"
    if isinstance(error, RequestError):
        return "client_error"
    return "deadline" if isinstance(error, DeadlinePassed) else "server_error"
