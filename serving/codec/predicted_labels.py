"""The labels whose answers are counted, so that a drift from their shares in the training data shows."""

from torchferry.serving.bundle.bundle import Bundle

MOST_LABELS = 100
"""Every label is a time series of each version on each server."""

GOLDEN = "x-torchferry-golden"
"""The header of a request that asks whether a model is ready: the answer is not counted."""


def counted_labels(bundle: Bundle) -> tuple[str, ...]:
    """Those whose predictions are counted: none where the task has none, or too many, or two of one name."""
    labels = bundle.task.counted
    return labels if len(set(labels)) == len(labels) <= MOST_LABELS else ()
