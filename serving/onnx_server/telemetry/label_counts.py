"""Predictions by label, beside the labels' shares in training.

As in histogram.py an answer goes on a list, and some hundred are counted at a time. For one thread only.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predicted_labels import count_labels, counted_labels
from torchferry.serving.metric_names import LABEL, PREDICTIONS, TRAINING_SHARES

AT_ONCE = 512
"""Samples."""


class LabelCounts(Collector):
    def __init__(self, registry: CollectorRegistry) -> None:
        self.models: dict[tuple[str, str], Answers] = {}
        """By name and version; what was counted stays when a version is unloaded."""
        self.loaded: set[tuple[str, str]] = set()
        registry.register(self)

    def load(self, name: str, bundle: Bundle) -> "Answers | None":
        """Where to count the answers of the model; None if its labels are not counted."""
        if not counted_labels(bundle):
            return None
        key = (name, bundle.version)
        answers = self.models.get(key)
        if answers and (answers.bundle.task, answers.bundle.labels) == (bundle.task, bundle.labels):
            answers.bundle = bundle  # the one before may have something to answer yet
        else:
            answers = self.models[key] = Answers(bundle)
        self.loaded.add(key)
        return answers

    def unload(self, name: str, version: str) -> None:
        self.loaded.discard((name, version))

    def collect(self) -> Iterable[Metric]:
        predictions = CounterMetricFamily(*PREDICTIONS, labels=LABEL)
        shares = GaugeMetricFamily(*TRAINING_SHARES, labels=LABEL)
        for key, answers in self.models.items():
            for label, number in zip(answers.bundle.labels, answers.counts_now(), strict=True):
                predictions.add_metric((*key, label), float(number))
            if key in self.loaded:
                for label, share in answers.bundle.label_shares.items():
                    shares.add_metric((*key, label), share)
        return predictions, shares


class Answers:
    """Of one model version."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.counts = np.zeros(len(bundle.labels), np.int64)
        self.new: list[np.ndarray] = []
        self.samples = 0
        """In `new`."""

    def add(self, outputs: Mapping[str, np.ndarray]) -> None:
        values = next(iter(outputs.values()))
        self.new.append(values)
        self.samples += len(values)
        if self.samples >= AT_ONCE:
            self.counts_now()

    def counts_now(self) -> np.ndarray:
        """By label."""
        if self.new:
            self.counts += count_labels(np.concatenate(self.new), self.bundle)
            self.new.clear()
            self.samples = 0
        return self.counts
