"""A worker's counts of its calls, in files that the launcher adds up for Prometheus.

Not through TorchServe's own metrics: there each figure of each request is a line of text that Java parses, and the
buckets begin at 5 ms. The names and labels are those of the ONNX Runtime server.
"""

import os
from typing import Protocol

from torchferry.contract.tasks.task import Arrays
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predicted_labels import counted_labels, counts_of, training_shares
from torchferry.serving.metric_names import (
    AXIS,
    AXIS_SIZE,
    BATCHES,
    BUCKETS,
    ELEMENTS,
    LABEL,
    MODEL,
    PADDING,
    PREDICTIONS,
    SIZES,
    TRAINING_SHARES,
)
from torchferry.serving.session.padding import Padding
from torchferry.serving.torchserve.worker_log import failures
from torchferry.serving.torchserve.worker_request import WorkerRequest

STAGES = {
    "request": "From a request's arrival, at the gateway if there is one, to its answer",
    "queue": "Between the gateway and a worker",
    "decode": "Reading a request's body into tensors",
    "batch_wait": "Waiting until all of a batch were decoded",
    "inference": "In the session, with all that shared the batch",
    "encode": "Writing the answer",
}


class WorkerMetrics(Protocol):
    def began(self, calls: int) -> None: ...

    def finished(self, call: WorkerRequest) -> None: ...


class NullMetrics:
    """Counts nothing, for an archive in a TorchServe that our launcher did not start: nobody reads the files there."""

    def began(self, calls: int) -> None: ...

    def finished(self, call: WorkerRequest) -> None: ...


class SharedMetrics:
    def __init__(self, model: str, bundle: Bundle) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        registry, labels = CollectorRegistry(), (model, bundle.version)
        self.bundle = bundle
        self.requests = Counter(
            "torchferry_serve_requests",
            "Requests by outcome: ok, client_error, deadline, server_error",
            (*MODEL, "protocol", "outcome"),
            registry=registry,
        )
        named = {stage: f"torchferry_serve_{stage}_duration_seconds" for stage in STAGES}
        self.labels = labels
        self.request = Histogram(
            named["request"], STAGES["request"], (*MODEL, "protocol"), buckets=BUCKETS, registry=registry
        )
        self.stages = {
            stage: Histogram(named[stage], text, MODEL, buckets=BUCKETS, registry=registry).labels(*labels)
            for stage, text in STAGES.items()
            if stage != "request"
        }
        self.batch_size = Histogram(
            "torchferry_serve_batch_size",
            "Samples computed together, as each request saw it",
            MODEL,
            buckets=BATCHES,
            registry=registry,
        ).labels(*labels)
        self.in_flight = Gauge(
            "torchferry_serve_in_flight",
            "Requests that a worker has",
            MODEL,
            registry=registry,
            multiprocess_mode="livesum",
        ).labels(*labels)
        axis_size = Histogram(*AXIS_SIZE, AXIS, buckets=SIZES, registry=registry)
        self.axis_sizes = [axis_size.labels(*labels, axis) for axis in Padding(bundle).axes]
        self.elements, self.padding = (Counter(*named, MODEL, registry=registry) for named in (ELEMENTS, PADDING))
        predictions = Counter(*PREDICTIONS, LABEL, registry=registry)
        shares = Gauge(*TRAINING_SHARES, LABEL, registry=registry, multiprocess_mode="livemax")
        self.predictions = [predictions.labels(*labels, *counted) for counted in counted_labels(bundle)]
        for counted, share in training_shares(bundle).items():
            shares.labels(*labels, *counted).set(share)

    def began(self, calls: int) -> None:
        self.in_flight.inc(calls)

    def finished(self, call: WorkerRequest) -> None:
        self.requests.labels(*self.labels, call.protocol, call.outcome).inc()
        self.request.labels(*self.labels, call.protocol).observe(call.elapsed)
        for stage, seconds in call.seconds.items():
            self.stages[stage].observe(max(0.0, seconds))
        if call.batch_size:
            self.batch_size.observe(call.batch_size)
        if call.sizes and call.batch_size and not call.is_golden:
            self._count_elements(call)
        if self.predictions and call.outputs and not call.is_golden:
            self._count(call.outputs)
        self.in_flight.dec()

    def _count_elements(self, call: WorkerRequest) -> None:
        for axis_size, size in zip(self.axis_sizes, call.sizes, strict=True):
            axis_size.observe(size)
        self.elements.labels(*self.labels).inc(call.elements)
        self.padding.labels(*self.labels).inc(call.padding)

    def _count(self, outputs: Arrays) -> None:
        try:
            counts = counts_of(self.bundle, outputs)
        except Exception as error:  # a user's task counts here, and the answer is right all the same
            failures.say("the labels of an answer cannot be counted", error)
            return
        for index in counts.nonzero()[0].tolist():
            self.predictions[index].inc(float(counts[index]))


def worker_metrics(model: str, bundle: Bundle) -> WorkerMetrics:
    return SharedMetrics(model, bundle) if "PROMETHEUS_MULTIPROC_DIR" in os.environ else NullMetrics()
