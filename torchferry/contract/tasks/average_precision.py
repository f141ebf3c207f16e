"""Average precision as COCO computes it, over any samples: each may count several times, or not at all."""

import numpy as np

RECALLS = np.linspace(0, 1, 101)
"""Those at which precision is taken: it is the best one at the same recall or a higher one."""
AT_ONCE = 1 << 20
"""Numbers of a class, of so many draws of samples as fit, in memory at a time."""


def by_rank(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """int64 [samples, detections]: the place of each among all, by label and then from the highest score to the lowest;
    `labels` are -1 where there is no detection, which comes first."""
    known = np.nan_to_num(scores.astype(np.float64), nan=-1.0).reshape(-1)
    order = np.lexsort((-known, labels.reshape(-1)))  # stable: of equal scores the earlier sample's is first
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.arange(order.size)
    return ranks.reshape(labels.shape)


def average_precision(
    ranks: np.ndarray, labels: np.ndarray, right: np.ndarray, truths: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """float64 [draws, classes, overlaps]; NaN for a class of which there is nothing to be found.

    `ranks` and `labels` [samples, detections], `right` bool [samples, detections, overlaps], `truths` [samples,
    classes] how many objects there are, and `times` [draws, samples] how often a sample counts.
    """
    places = np.empty(labels.size, np.int64)
    places[ranks.reshape(-1)] = np.arange(labels.size)
    sorted_labels = labels.reshape(-1)[places]
    owners, sorted_right = places // max(labels.shape[1], 1), right.reshape(labels.size, -1)[places]
    total = times @ truths.astype(np.float64)
    ends = np.searchsorted(sorted_labels, np.arange(truths.shape[1] + 1))
    found = np.full((len(times), truths.shape[1], right.shape[2]), np.nan)
    for label in np.flatnonzero(truths.any(axis=0)):
        of_label = slice(ends[label], ends[label + 1])
        step = max(1, AT_ONCE // max(of_label.stop - of_label.start, 1))
        for start in range(0, len(times), step):
            draws = slice(start, start + step)
            counted = times[draws, owners[of_label]].astype(np.float64)
            found[draws, label] = _of_class(counted, sorted_right[of_label], total[draws, label])
    return found


def _of_class(counted: np.ndarray, right: np.ndarray, total: np.ndarray) -> np.ndarray:
    """[draws, overlaps] of one class. `counted` [draws, detections] is how often each counts, the best first, `right`
    [detections, overlaps], and `total` [draws] how many objects there are."""
    seen = counted.cumsum(axis=1)
    return np.stack([_of_overlap(counted, seen, each, total) for each in right.T], axis=1)


def _of_overlap(counted: np.ndarray, seen: np.ndarray, right: np.ndarray, total: np.ndarray) -> np.ndarray:
    """[draws]. Only detections that are right are looked at: behind another one precision is lower, and recall is not
    higher."""
    hits = counted[:, right].cumsum(axis=1)
    precision = hits / np.maximum(seen[:, right], 1e-30)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALLS, hits / np.maximum(total, 1e-30)[:, None], side="right")
    sums = (best * np.diff(reached, axis=1, prepend=0)).sum(axis=1)
    return np.where(total > 0, sums / len(RECALLS), np.nan)
