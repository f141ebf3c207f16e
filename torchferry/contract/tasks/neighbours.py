"""Ranks, for each vector, what it finds among the others: exact, in bounded memory."""

import numpy as np

AT_ONCE = 1 << 24
"""Cosines in memory at a time."""
TIE = 1e-5
"""Cosines that are apart by no more count as equal. The last digits of an answer depend on its batch, and so on
how many ranks there are; samples that are equal must not be told apart by them."""


def found(vectors: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """float64 [samples] by name: `recall_at_1` and `recall_at_5`, whether one of the same class is among so many
    nearest ones, and `map`, the average precision of the whole ranking by cosine; NaN where the class has no other.

    `vectors`: float [samples, numbers] of length 1; `classes`: int [samples]. Among equally near ones, which a network
    that gives one vector for all has alone, those of another class go first; see `TIE`.
    """
    samples = len(classes)
    order = np.argsort(classes, kind="stable")
    sorted_classes, sorted_vectors = classes[order], np.ascontiguousarray(vectors[order], dtype=np.float32)
    begins, ends = (np.searchsorted(sorted_classes, sorted_classes, side=side) for side in ("left", "right"))
    result = {name: np.full(samples, np.nan) for name in ("recall_at_1", "recall_at_5", "map")}
    step = max(1, AT_ONCE // max(samples, 1))
    for start in range(0, samples, step):
        cosines = sorted_vectors[start : start + step] @ sorted_vectors.T
        cosines = np.where(np.isnan(cosines), -np.inf, cosines)
        for query, nearness in enumerate(cosines, start):
            begin, end = begins[query], ends[query]
            own = np.delete(nearness[begin:end], query - begin)
            if not len(own):
                continue
            others = np.concatenate([nearness[:begin], nearness[end:]])
            before = _others_before(own, others)
            place = order[query]
            result["recall_at_1"][place], result["recall_at_5"][place] = before[0] < 1, before[0] < 5
            rank = np.arange(1, len(own) + 1)
            result["map"][place] = (rank / (rank + before)).mean()
    return result


def _others_before(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many of the others are as near as each of its own, or nearer; its own by nearness, the nearest first."""
    own, others = np.sort(own)[::-1], np.sort(others)
    return len(others) - np.searchsorted(others, own - TIE, side="left")
