"""Counts of the labels that a model has answered, so that a drift from the shares in its training data shows."""

import numpy as np

from torchferry.serving.bundle.bundle import Bundle

MOST_LABELS = 100
"""Every label is a time series of each version on each server."""

GOLDEN = "x-torchferry-golden"
"""The header of a request that asks whether a model is ready: the answer is not counted."""


def counted_labels(bundle: Bundle) -> tuple[str, ...]:
    """Those whose predictions are counted: none where there are no classes, or too many, or two of one name."""
    has_classes = bundle.task in ("classification", "binary")
    distinct = len(set(bundle.labels)) == len(bundle.labels) <= MOST_LABELS
    return bundle.labels if has_classes and distinct else ()


def count_labels(values: np.ndarray, bundle: Bundle) -> np.ndarray:
    """int64 [labels]: for how many samples of the first output each label is the most probable one; none for NaN."""
    values = values[~np.isnan(values).any(axis=1)]
    classes = values[:, 0] > 0.5 if bundle.task == "binary" else values.argmax(axis=1)
    return np.bincount(classes, minlength=len(bundle.labels))
