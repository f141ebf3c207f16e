"""Prometheus metrics. Every stage is a histogram in seconds; the names are the same on every server of ours."""

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import onnxruntime
from prometheus_client import CollectorRegistry, Info, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from torchferry import __version__
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.metric_names import AXIS, AXIS_SIZE, BATCHES, BUCKETS, ELEMENTS, MODEL, PADDING, SIZES
from torchferry.serving.onnx_server.inference import Work
from torchferry.serving.onnx_server.request_context import STAGES, RequestContext
from torchferry.serving.onnx_server.telemetry.families import Count, Family, Reading
from torchferry.serving.onnx_server.telemetry.histogram import Histogram, Together
from torchferry.serving.onnx_server.telemetry.label_counts import Answers, LabelCounts

TEXTS = {
    "request": "From a request's arrival to its answer",
    "decode": "Reading a request's body into tensors",
    "queue": "Waiting while all sessions were busy",
    "batch_wait": "Waiting for others while a session was free (--max-delay-ms)",
    "inference": "In the session, with all that shared the batch",
    "encode": "Writing the answer",
}


class Kept(Protocol):
    """The sequences of a model version."""

    @property
    def count(self) -> int: ...

    @property
    def bytes(self) -> int: ...


class Measured(Protocol):
    """A model version, as far as it is measured."""

    name: str
    version: str
    bundle: Bundle
    counts: "ModelMetrics"
    answers: Answers | None
    sessions: int
    load_seconds: float
    memory_bytes: int

    @property
    def sequences(self) -> Kept: ...

    @property
    def queued(self) -> int:
        """Requests that wait for a session."""

    @property
    def in_flight(self) -> int:
        """Requests that are let in and not answered yet, those that wait included."""


GAUGES: dict[str, tuple[str, Callable[[Measured], float]]] = {
    "workers": ("Sessions, and the threads that compute on them", lambda model: model.sessions),
    "workers_ready": ("Sessions that have given their golden outputs", lambda model: model.sessions),
    "queue_depth": ("Requests that wait for a session", lambda model: model.queued),
    "in_flight": ("Requests that are being answered", lambda model: model.in_flight),
    "sequences": ("Sequences whose state is kept (--sequences)", lambda model: model.sequences.count),
    "sequence_state_bytes": ("Bytes of the states of these", lambda model: model.sequences.bytes),
    "model_load_seconds": ("Until the model had given its golden outputs", lambda model: model.load_seconds),
    "session_memory_bytes": ("By how much the process grew as it was loaded", lambda model: model.memory_bytes),
}


class Metrics:
    def __init__(self, registry: CollectorRegistry, buckets: Sequence[float] = ()) -> None:
        """`buckets`: upper bounds in seconds."""
        self.registry = registry
        self.of = functools.cache(partial(ModelMetrics, self))
        ProcessCollector(registry=registry)
        self.stages = {
            stage: Histogram(
                f"torchferry_serve_{stage}_duration_seconds",
                text,
                (*MODEL, "protocol") if stage == "request" else MODEL,
                buckets or BUCKETS,
                registry,
            )
            for stage, text in TEXTS.items()
        }
        self.batch_size = Histogram(
            "torchferry_serve_batch_size",
            "Samples computed together, as each request saw it",
            MODEL,
            BATCHES,
            registry,
        )
        self.requests = _counter(
            "requests",
            "Requests by outcome: ok, client_error, overloaded, unavailable, deadline, cancelled, server_error",
            (*MODEL, "protocol", "outcome"),
            registry,
        )
        no_room = _counter(
            "connections_refused",
            "Connections over REST and calls over gRPC for which there was no room",
            ("protocol",),
            registry,
        )
        self.no_room = {protocol: _count(no_room, protocol) for protocol in ("rest", "grpc")}
        self.cache = _counter(
            "cache_requests",
            "Requests whose answer was looked for in the cache (--cache-bytes): hit, miss",
            (*MODEL, "result"),
            registry,
        )
        self.axis_size = Histogram(*AXIS_SIZE, AXIS, SIZES, registry)
        self.elements, self.padding = (
            Family(partial(CounterMetricFamily, *named, labels=MODEL), registry) for named in (ELEMENTS, PADDING)
        )
        self.sequences_ended = _counter(
            "sequences_ended",
            "Sequences that are kept no more (--sequences), by reason: end, timeout, restarted, unloaded",
            (*MODEL, "reason"),
            registry,
        )
        self.label_counts = LabelCounts(registry)
        self.gauges = {
            name: Family(partial(GaugeMetricFamily, f"torchferry_serve_{name}", text, labels=MODEL), registry)
            for name, (text, _) in GAUGES.items()
        }
        text = "1 for a version that could not be loaded, 0 for one that is"
        self.broken = Family(partial(GaugeMetricFamily, "torchferry_serve_model_broken", text, labels=MODEL), registry)
        versions = {"onnxruntime": onnxruntime.__version__, "version": __version__}
        Info("torchferry_serve_build", "What is running", registry=registry).info(versions)

    def loaded(self, model: Measured) -> None:
        labels = (model.name, model.version)
        model.counts = self.of(*labels)
        model.answers = self.label_counts.load(model.name, model.bundle)
        for name, (_, read) in GAUGES.items():
            self.gauges[name].rows[labels] = Reading(labels, partial(read, model))
        self.broken.rows[labels] = Reading(labels, float)

    def failed(self, name: str, version: str) -> None:
        """It could not be loaded; one of the same version may go on."""
        self.broken.rows[name, version] = Reading((name, version), partial(float, 1))

    def forget(self, name: str, version: str) -> None:
        """It is not to be loaded any more."""
        self.broken.rows.pop((name, version), None)

    def unloaded(self, model: Measured) -> None:
        """What was counted stays; what is measured now ends. Comes before another of its version is loaded."""
        self.label_counts.unload(model.name, model.version)
        for gauge in self.gauges.values():
            del gauge.rows[model.name, model.version]
        self.forget(model.name, model.version)

    def refused(self, protocol: str) -> None:
        """A connection or a call for which there is no room, or its client has no share left: no model's request."""
        self.no_room[protocol].add()

    def finished(self, context: RequestContext, outcome: str) -> None:
        # A name that is no model's must not become a label: clients could make as many as they like.
        if context.model:
            context.model.counts.finished(context, outcome)
        else:
            self.of("", "").requests(context.protocol, outcome).add()


class ModelMetrics:
    """Those of one model version; finding one by its labels takes as long as counting, so each is found once."""

    def __init__(self, metrics: Metrics, name: str, version: str) -> None:
        labels = (name, version)
        self.requests = functools.cache(partial(_count, metrics.requests, *labels))
        self.request = functools.cache(partial(metrics.stages["request"].of, *labels))
        self.stage = functools.cache(lambda stage: metrics.stages[stage].of(*labels))
        self.cache = functools.cache(partial(_count, metrics.cache, *labels))
        self.sequence_ended = functools.cache(partial(_count, metrics.sequences_ended, *labels))
        self.batch_size = functools.cache(lambda: metrics.batch_size.of(*labels))
        self.computed = functools.cache(self._computed)
        self.axis_size = functools.cache(partial(metrics.axis_size.of, *labels))
        self.elements = functools.cache(partial(_count, metrics.elements, *labels))
        self.padding = functools.cache(partial(_count, metrics.padding, *labels))

    def finished(self, context: RequestContext, outcome: str) -> None:
        self.requests(context.protocol, outcome).add()
        passed, work = context.stages(), context.work
        if len(passed) == len(STAGES) and work:
            self.computed(context.protocol).observe((context.seconds, *passed, work.batch_size))
            if work.sizes and context.model:
                self._varying(context.model.axes, work)
        else:
            self.request(context.protocol).observe(context.seconds)
            self.stage("decode").observe(context.decode)
        if context.trace:
            self.request(context.protocol).mark(context.seconds, context.trace.trace_id)
        if context.cache:
            self.cache(context.cache).add()
        if context.outputs is not None and context.model and context.model.answers:
            context.model.answers.add(context.outputs)

    def _varying(self, axes: Sequence[str], work: Work) -> None:
        for axis, size in zip(axes, work.sizes, strict=True):
            self.axis_size(axis).observe(size)
        self.elements().add(work.cost)
        self.padding().add(work.padding)

    def _computed(self, protocol: str) -> Together:
        """What those observe that a session has computed."""
        return Together([self.request(protocol), *map(self.stage, STAGES), self.batch_size()])


def _counter(name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> Family:
    return Family(partial(CounterMetricFamily, f"torchferry_serve_{name}", text, labels=labels), registry)


def _count(family: Family, *labels: str) -> Count:
    count = family.rows[labels] = Count(labels)
    return count
