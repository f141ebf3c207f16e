"""Boxes moved as `resize` moves the picture that they lie in. Numpy only: it travels into archives."""

import numpy as np

from torchferry.contract.image import ImageSpec
from torchferry.contract.resize import Span, spans


def fitted_boxes(boxes: np.ndarray, width: int, height: int, spec: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
    """float32 [boxes, 4], x1, y1, x2, y2 in pixels of the network's picture, cut off where that shows no more of the
    file's picture of `width` x `height` pixels, and bool [boxes]: of which at least a pixel each way is left."""
    across, down = spans(width, height, spec)
    moved: np.ndarray = np.asarray(boxes, np.float64).reshape(-1, 4).copy()
    for axis, span in enumerate((across, down)):
        moved[:, axis::2] = _moved(moved[:, axis::2], span)
    is_left: np.ndarray = np.all(moved[:, 2:] - moved[:, :2] >= 1, axis=1)
    return moved.astype(np.float32), is_left


def _moved(places: np.ndarray, span: Span) -> np.ndarray:
    return np.clip(places * (span.resized / span.source) - span.first, 0, span.count) + span.at
