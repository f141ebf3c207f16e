"""The labels whose answers are counted, so that a drift from their shares in the training data shows."""

from collections.abc import Mapping

import numpy as np

from torchferry.contract.tasks.task import Arrays
from torchferry.serving.bundle.answers import answers_of
from torchferry.serving.bundle.bundle import Bundle

MOST_LABELS = 100
"""Every label is a time series of each version on each server."""

GOLDEN = "x-torchferry-golden"
"""The header of a request that asks whether a model is ready: the answer is not counted."""

Counted = tuple[str, str]
"""A head and a label of it; where there is one head it has no name."""


def counted_labels(bundle: Bundle) -> tuple[Counted, ...]:
    """Those whose predictions are counted, as the task's `counted` has them: none where the task has none, or too many,
    or two of one name."""
    task = bundle.task
    of_heads = tuple((head, label) for head, part in task.parts.items() for label in part.counted)
    labels = of_heads or tuple(("", label) for label in task.counted)
    return labels if len(set(labels)) == len(labels) <= MOST_LABELS else ()


def counts_of(bundle: Bundle, outputs: Arrays) -> np.ndarray:
    """float64 [labels]: how much of each counted label is in a batch of answers. Raises whatever a task of the user's
    does, and ValueError for what are no counts of its labels."""
    counts = bundle.task.counts(answers_of(bundle, outputs))
    if counts.shape != (len(bundle.task.counted),):
        raise ValueError(f"its counts are {list(counts.shape)}, and it has {len(bundle.task.counted)} labels")
    if not (counts >= 0).all():  # NaN would stay in a sum for ever
        raise ValueError("some of its counts are no numbers of 0 or more")
    return counts


def training_shares(bundle: Bundle) -> Mapping[Counted, float]:
    """Of the counted labels, 0..1 among those of the same head; empty where they are not known."""
    labels, known = counted_labels(bundle), list(bundle.label_shares.values())
    if len(known) != len(labels):
        return {}
    sums = dict.fromkeys((head for head, _ in labels), 0.0)
    for (head, _), share in zip(labels, known, strict=True):
        sums[head] += share
    return {key: share / sums[key[0]] for key, share in zip(labels, known, strict=True) if sums[key[0]]}
