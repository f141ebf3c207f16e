"""Histograms for the hot path: an observation goes on a list, and some hundred are sorted into buckets at a time.

prometheus_client's own takes a lock twice for each observation. What is exposed is the same. For one thread only.
"""

import time
from collections.abc import Iterable, Sequence

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

AT_ONCE = 512


class Histogram(Collector):
    def __init__(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        """`bounds`: upper ones, rising, without infinity."""
        self.name, self.text, self.labels, self.bounds = name, text, labels, np.array(bounds, np.float64)
        self.names = [floatToGoString(bound) for bound in (*bounds, float("inf"))]
        self.children: dict[tuple[str, ...], Observations] = {}
        registry.register(self)

    def of(self, *labels: str) -> "Observations":
        """Those with these values of the labels."""
        return self.children.setdefault(labels, Observations(self.bounds))

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        for labels, observed in self.children.items():
            family.add_metric(labels, observed.buckets(self.names), observed.sum)
        yield family


class Observations:
    def __init__(self, bounds: np.ndarray) -> None:
        self.bounds = bounds
        self.counts = np.zeros(len(bounds) + 1, np.int64)
        """By bucket, not added up."""
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        """The last one of each bucket."""
        self.new: list[float] = []

    def observe(self, value: float) -> None:
        self.new.append(value)
        if len(self.new) >= AT_ONCE:
            self.sort()

    def mark(self, value: float, trace_id: str) -> None:
        """Make an observation its bucket's exemplar."""
        bucket = int(np.searchsorted(self.bounds, value))
        self.exemplars[bucket] = Exemplar({"trace_id": trace_id}, value, time.time())

    def buckets(self, names: Sequence[str]) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        """Each with all that is in those before it, as Prometheus wants them."""
        self.sort()
        counts = zip(names, map(float, self.counts.cumsum()), strict=True)
        return [
            (name, count, self.exemplars[bucket]) if bucket in self.exemplars else (name, count)
            for bucket, (name, count) in enumerate(counts)
        ]

    def sort(self) -> None:
        self.counts += np.bincount(np.searchsorted(self.bounds, self.new), minlength=len(self.counts))
        self.sum += sum(self.new)
        self.new.clear()
