"""Counts of every step, as plain numbers that are put into Prometheus's form when somebody asks.

A Counter and a Histogram of prometheus_client take 35 us a step in locks and calls; these take two.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

BOUNDS = tuple(Histogram.DEFAULT_BUCKETS)


class StepCounts(Collector):
    """Written by the loop alone and read by whoever scrapes: between the two a step may be counted in half of them."""

    def __init__(self, prefix: str) -> None:
        self.prefix, self.created = prefix, time.time()
        self.steps, self.samples, self.waited, self.seconds, self.last = 0, 0, 0.0, 0.0, 0.0
        self.buckets = [0] * len(BOUNDS)

    def add(self, samples: int, seconds: float, waited: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.samples += samples
        self.waited += waited
        self.seconds += seconds
        self.last = time.time()
        self.steps += 1

    def collect(self) -> Iterator[Metric]:
        for name, words, value in (
            ("steps", "Optimizer steps taken", self.steps),
            ("samples", "Samples trained on, all ranks", self.samples),
            ("data_wait_seconds", "Time the loop waited for data", self.waited),
        ):
            yield CounterMetricFamily(f"{self.prefix}_{name}", words, value=value, created=self.created)
        name, words = f"{self.prefix}_last_step_timestamp_seconds", "When the last optimizer step was taken"
        yield GaugeMetricFamily(name, words, value=self.last)
        name, words = f"{self.prefix}_step_duration_seconds", "Time of one optimizer step"
        buckets = zip(map(floatToGoString, BOUNDS), accumulate(self.buckets), strict=True)
        yield HistogramMetricFamily(name, words, buckets=list(buckets), sum_value=self.seconds)
