"""Histograms for the hot path: an observation goes on a list, and some hundred are sorted into buckets at a time.

prometheus_client's own takes a lock twice for each observation. What is exposed is the same. For one thread only.
"""

import time
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from torchferry.serving.onnx_server.telemetry.families import Family, Rows

AT_ONCE = 512


class Histogram(Family):
    def __init__(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        """`bounds`: upper ones, rising, without infinity."""
        self.bounds = np.array(bounds, np.float64)
        self.names = [floatToGoString(bound) for bound in (*bounds, float("inf"))]
        super().__init__(partial(HistogramMetricFamily, name, text, labels=labels), registry)

    def of(self, *labels: str) -> "Observations":
        """Those with these values of the labels."""
        found = self.rows.setdefault(labels, Observations(labels, self.bounds, self.names))
        assert isinstance(found, Observations)
        return found


class Observations(Rows):
    def __init__(self, labels: Sequence[str], bounds: np.ndarray, names: Sequence[str]) -> None:
        self.labels, self.bounds, self.names = labels, bounds, names
        self.counts = np.zeros(len(bounds) + 1, np.int64)
        """By bucket, not added up."""
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        """The last one of each bucket."""
        self.new: list[float] = []
        self.sources: list[Together] = []
        self.read: Sequence[float] = ()
        """What was read last, until something is new."""

    def observe(self, value: float) -> None:
        self.new.append(value)
        if len(self.new) >= AT_ONCE:
            self.sort()

    def observe_all(self, values: np.ndarray) -> None:
        self.counts += np.bincount(np.searchsorted(self.bounds, values), minlength=len(self.counts))
        self.sum += float(values.sum())
        self.read = ()

    def mark(self, value: float, trace_id: str) -> None:
        """Make an observation its bucket's exemplar."""
        bucket = int(np.searchsorted(self.bounds, value))
        self.exemplars[bucket] = Exemplar({"trace_id": trace_id}, value, time.time())

    def values(self) -> Sequence[float]:
        """The buckets, each with all that is in those before it, as Prometheus wants them; the count; the sum."""
        for source in self.sources:
            source.sort()
        if self.new:
            self.sort()
        if not self.read:
            counts = list(accumulate(self.counts.tolist()))
            self.read = [*counts, counts[-1], self.sum]
        return self.read

    def add_to(self, family: HistogramMetricFamily) -> None:
        *counts, _, added = self.values()
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = [
            (name, count, self.exemplars[place]) if place in self.exemplars else (name, count)
            for place, (name, count) in enumerate(zip(self.names, counts, strict=True))
        ]
        family.add_metric(self.labels, buckets, added)

    def sort(self) -> None:
        self.observe_all(np.array(self.new))
        self.new.clear()


class Together:
    """Observations of several histograms that always come together: one row on a list for all of them."""

    def __init__(self, observations: Sequence[Observations]) -> None:
        self.observations = observations
        self.rows: list[Sequence[float]] = []
        for each in observations:
            each.sources.append(self)

    def observe(self, row: Sequence[float]) -> None:
        """A value for each."""
        self.rows.append(row)
        if len(self.rows) >= AT_ONCE:
            self.sort()

    def sort(self) -> None:
        if self.rows:
            columns = np.array(self.rows).T
            self.rows.clear()
            for each, values in zip(self.observations, columns, strict=True):
                each.observe_all(values)
