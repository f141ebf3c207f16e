"""What a server's page says of the labels of its models."""

from dataclasses import dataclass

import numpy as np
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from torchferry.serving.bundle.answers import answers_of
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predicted_labels import counted_labels

PREDICTIONS, SHARES = "torchferry_serve_predictions_total", "torchferry_serve_training_label_ratio"


@dataclass(frozen=True)
class LabelMetrics:
    samples: dict[tuple[str, str, str, str], float]
    """By metric, model, head and label."""

    def of(self, metric: str, model: str, bundle: Bundle) -> list[float]:
        """In the order of the bundle's labels."""
        return [self.samples[metric, model, *counted] for counted in counted_labels(bundle)]

    def models(self, metric: str) -> set[str]:
        return {model for name, model, _, _ in self.samples if name == metric}


def label_metrics(page: str) -> LabelMetrics:
    """`page`: its URL."""
    text = urllib3.request("GET", page).data.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    labels = ("model", "head", "label")
    return LabelMetrics(
        {
            (sample.name, *(sample.labels[label] for label in labels)): sample.value  # type: ignore[misc]
            for sample in samples
            if sample.name in (PREDICTIONS, SHARES)
        }
    )


def counts(bundle: Bundle) -> np.ndarray:
    """Of its golden samples."""
    return bundle.task.counts(answers_of(bundle, bundle.golden()[1]))
