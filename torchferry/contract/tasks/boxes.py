"""Boxes [x1, y1, x2, y2] in pixels: how far they overlap, and which of two sets are the same objects."""

import numpy as np

SAME = 0.5
"""The overlap from which on two boxes of one label are one object, as in mAP 50."""


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float64 [boxes, others], 0..1: the area that both have over that which either has."""
    first, second = boxes[:, None].astype(np.float64), others[None].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
        both = sides.clip(min=0).prod(axis=-1)
        either = _area(first) + _area(second) - both
        return np.nan_to_num(both / either, nan=0.0, posinf=0.0, neginf=0.0)


def pairs(boxes: np.ndarray, labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray) -> np.ndarray:
    """int64 [pairs, 2]: the places of what is one object in both sets, each at most once, the largest overlaps first;
    which score is higher does not matter."""
    overlap = np.where(labels[:, None] == other_labels[None], overlaps(boxes, others), 0.0)
    first, second = np.nonzero(overlap >= SAME)
    order = np.argsort(-overlap[first, second], kind="stable")
    found, free, others_free = [], np.ones(len(boxes), bool), np.ones(len(others), bool)
    for place, other in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if free[place] and others_free[other]:
            found.append((place, other))
            free[place] = others_free[other] = False
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).clip(min=0).prod(axis=-1)
