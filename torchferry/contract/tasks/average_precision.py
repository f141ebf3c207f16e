"""Average precision as COCO computes it, over any samples: each may count several times, or not at all."""

import numpy as np

RECALLS = np.linspace(0, 1, 101)
"""Those at which precision is taken: it is the best one at the same recall or a higher one."""


def by_rank(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """int64 [samples, detections]: the place of each among all, by label and then from the highest score to the lowest;
    `labels` are -1 where there is no detection, which comes first."""
    known = np.nan_to_num(scores.astype(np.float64), nan=-1.0).reshape(-1)
    order = np.lexsort((-known, labels.reshape(-1)))  # stable: of equal scores the earlier sample's is first
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.arange(order.size)
    return ranks.reshape(labels.shape)


def average_precision(
    ranks: np.ndarray, labels: np.ndarray, right: np.ndarray, truths: np.ndarray, times: np.ndarray | None = None
) -> np.ndarray:
    """float64 [classes, overlaps]; NaN for a class of which there is nothing to be found.

    `ranks` and `labels` [samples, detections], `right` bool [samples, detections, overlaps], `truths` [samples,
    classes] how many objects there are, and `times` [samples] how often a sample counts, once if it is None.
    """
    weights = np.ones(len(labels)) if times is None else times.astype(np.float64)
    size, overlaps = labels.size, right.shape[2]
    order = ranks.reshape(-1)
    sorted_labels, sorted_weights = np.empty(size, np.int64), np.empty(size)
    sorted_right = np.empty((overlaps, size), bool)
    sorted_labels[order] = labels.reshape(-1)
    sorted_weights[order] = np.repeat(weights, labels.shape[1])
    sorted_right[:, order] = right.reshape(size, overlaps).T
    total = weights @ truths
    ends = np.searchsorted(sorted_labels, np.arange(truths.shape[1] + 1))
    found = np.full((truths.shape[1], overlaps), np.nan)
    for label in np.flatnonzero(total > 0):
        of_label = slice(ends[label], ends[label + 1])
        counted = sorted_weights[of_label]
        seen = counted.cumsum()
        for overlap in range(overlaps):
            hits = (sorted_right[overlap, of_label] * counted).cumsum()
            found[label, overlap] = _one(hits, seen, total[label])
    return found


def _one(hits: np.ndarray, seen: np.ndarray, total: float) -> float:
    """`hits` and `seen` after each detection, the best first."""
    precision = hits / np.maximum(seen, 1e-30)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(best[np.searchsorted(hits / total, RECALLS)].mean())
