"""Predictions by label, beside the labels' shares in training.

As in histogram.py an answer goes on a list, and some hundred are counted at a time. For one thread only.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predicted_labels import Counted, counted_labels, counts_of, training_shares
from torchferry.serving.metric_names import LABEL, PREDICTIONS, TRAINING_SHARES
from torchferry.serving.onnx_server.telemetry.families import Family, Rows

AT_ONCE = 4096
"""Answers, or elements of them."""


class LabelCounts:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.predictions = Family(partial(CounterMetricFamily, *PREDICTIONS, labels=LABEL), registry)
        """By name and version; what was counted stays when a version is unloaded."""
        self.shares = Family(partial(GaugeMetricFamily, *TRAINING_SHARES, labels=LABEL), registry)

    def load(self, name: str, bundle: Bundle) -> "Answers | None":
        """Where to count the answers of the model; None if its labels are not counted."""
        if not counted_labels(bundle):
            return None
        key = (name, bundle.version)
        answers = self.predictions.rows.get(key)
        # The version before may have something to answer yet.
        if not (isinstance(answers, Answers) and answers.counts_as(bundle)):
            answers = self.predictions.rows[key] = Answers(key, bundle)
        self.shares.rows[key] = Shares(key, training_shares(bundle))
        return answers

    def unload(self, name: str, version: str) -> None:
        self.shares.rows.pop((name, version), None)


class Shares(Rows):
    """Of one model version."""

    def __init__(self, key: tuple[str, str], shares: Mapping[Counted, float]) -> None:
        self.key, self.shares = key, shares

    def values(self) -> Sequence[float]:
        return [*self.shares.values()]

    def add_to(self, family: GaugeMetricFamily) -> None:
        for counted, share in self.shares.items():
            family.add_metric((*self.key, *counted), share)


class Answers(Rows):
    """Of one model version."""

    def __init__(self, key: tuple[str, str], bundle: Bundle) -> None:
        self.key, self.bundle = key, bundle
        self.counts = np.zeros(len(bundle.task.counted))
        self.new: list[Mapping[str, np.ndarray]] = []
        self.size = 0
        """Elements in `new`, of the first outputs."""
        self.has_failed = False

    def counts_as(self, other: Bundle) -> bool:
        """Whether answers of that bundle can be counted here too."""
        return (self.bundle.task, self.bundle.outputs) == (other.task, other.outputs)

    def add(self, outputs: Mapping[str, np.ndarray]) -> None:
        self.new.append(outputs)
        self.size += next(iter(outputs.values())).size
        if self.size >= AT_ONCE or len(self.new) >= AT_ONCE:
            self.counts_now()

    def counts_now(self) -> np.ndarray:
        """By label. What cannot be counted is left out, and the first time said: a user's task counts here, and neither
        its answers nor the page of all models may end with it."""
        if self.new:
            new, self.new, self.size = self.new, [], 0
            try:
                outputs = {name: np.concatenate([each[name] for each in new]) for name in new[0]}
                self.counts += counts_of(self.bundle, outputs)
            except Exception as error:
                self._say(error)
        return self.counts

    def _say(self, error: Exception) -> None:
        if not self.has_failed:
            self.has_failed, said = True, " ".join(str(error).split())[:500]
            text = f"{' '.join(self.key)}: labels of answers are not counted ({type(error).__name__}: {said})"
            print(f"torchferry: {text}", file=sys.stderr, flush=True)

    def values(self) -> Sequence[float]:
        return self.counts_now().tolist()

    def add_to(self, family: CounterMetricFamily) -> None:
        for counted, number in zip(counted_labels(self.bundle), self.values(), strict=True):
            family.add_metric((*self.key, *counted), number)
