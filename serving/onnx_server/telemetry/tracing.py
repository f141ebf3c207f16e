"""OpenTelemetry: a span for each request with one for each of its stages, sent over OTLP where an endpoint is set.

The SDK's own environment variables say where to (OTEL_EXPORTER_OTLP_ENDPOINT), under what name (OTEL_SERVICE_NAME)
and how many (OTEL_TRACES_SAMPLER): https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import threading
import time
from collections.abc import Iterator

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from torchferry.serving.onnx_server.request_context import STAGES, RequestContext
from torchferry.serving.onnx_server.trace_context import TraceContext

NAME = "service.name"
LAST_SPANS_SECONDS = 2.0
"""For what is left to be sent at the end; a collector that is away must not hold the server up."""


class Tracing:
    def __init__(self) -> None:
        resource = Resource.create()
        if str(resource.attributes[NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({NAME: "torchferry"}))
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self.provider.get_tracer("torchferry.serving")

    def begin(self, caller: TraceContext | None) -> tuple[trace.Span, TraceContext]:
        """The request's span, and the context that names it."""
        span = self.tracer.start_span("infer", context=_parent(caller), kind=trace.SpanKind.SERVER)
        named = span.get_span_context()
        return span, TraceContext(f"{named.trace_id:032x}", f"{named.span_id:016x}", f"{named.trace_flags:02x}")

    def finished(self, request_context: RequestContext, span: Span, outcome: str) -> None:
        if span.is_recording():
            model = (
                {"model": request_context.model.name, "version": request_context.model.version}
                if request_context.model
                else {}
            )
            said = {
                "protocol": request_context.protocol,
                "outcome": outcome,
                "request_id": request_context.request_id,
                **model,
            }
            span.set_attributes({f"torchferry.{key}": value for key, value in said.items()})
            if outcome == "server_error":
                span.set_status(trace.StatusCode.ERROR)
            inside = trace.set_span_in_context(span)
            for stage, start, end in _stages(request_context):
                self.tracer.start_span(stage, context=inside, start_time=start).end(end)
        span.end()

    def close(self) -> None:
        """Send what is left, for as long as that may take: the exporter itself goes on trying for longer."""
        sending = threading.Thread(target=self.provider.force_flush, daemon=True)
        sending.start()
        sending.join(LAST_SPANS_SECONDS)


def _parent(caller: TraceContext | None) -> trace.Context | None:
    if caller is None:
        return trace.Context()
    flags = trace.TraceFlags(int(caller.flags, 16))
    named = trace.SpanContext(int(caller.trace_id, 16), int(caller.span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(named))


def _stages(request_context: RequestContext) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each stage, in nanoseconds since the epoch."""
    ago = time.time() - time.monotonic()
    now = time.monotonic()
    work = request_context.work
    begins = {"decode": (work.queued if work else now) - request_context.decode, "encode": now - request_context.encode}
    if work:
        begins |= {"queue": work.queued, "batch_wait": work.started - work.delayed, "inference": work.started}
    for stage, seconds in zip(STAGES, request_context.stages(), strict=False):
        start = ago + begins[stage]
        yield stage, round(1e9 * start), round(1e9 * (start + seconds))
