"""A picture's place in the network's, and the way back: what was found there, in pixels of the picture itself.

The way to the network is that of `resize`; `fitted_boxes` has it for boxes. Numpy only: it travels into archives.
"""

from dataclasses import dataclass

import numpy as np

from torchferry.contract.resize import Span


@dataclass(frozen=True, slots=True)
class Placement:
    """Of a picture that stands upright, where EXIF is applied."""

    across: Span
    down: Span

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.down.source, self.across.source

    def of(self, height: int, width: int) -> "Placement":
        """The same of the picture in another size."""
        return Placement(self.across.of(width), self.down.of(height))

    def places(self, found: np.ndarray) -> np.ndarray:
        """Of places in the network's picture those in the picture, clipped to it: x and y by turns along the last axis,
        in pixels. Where all numbers of a last axis are zero there is no place, and they stay zeros; infinities and NaN
        stay what they are."""
        moved: np.ndarray = found.astype(np.float64)
        for axis, span in enumerate((self.across, self.down)):
            moved[..., axis::2] = _back(moved[..., axis::2], span)
        moved = np.where(np.isfinite(found) & found.any(axis=-1, keepdims=True), moved, found)
        return (np.rint(moved) if found.dtype.kind in "iu" else moved).astype(found.dtype)

    def mask(self, found: np.ndarray, unseen: int) -> np.ndarray:
        """Of a mask [rows, columns] of the network's picture that of the picture: each pixel has what lies at its
        middle, and `unseen` where the network was not shown it."""
        rows, columns = _at(self.down, found.shape[0]), _at(self.across, found.shape[1])
        if len(rows) == self.down.source and len(columns) == self.across.source:
            return found.take(columns, axis=1).take(rows, axis=0)
        whole = np.full(self.size, unseen, found.dtype)
        top, left = _first_shown(self.down), _first_shown(self.across)
        whole[top : top + len(rows), left : left + len(columns)] = found.take(columns, axis=1).take(rows, axis=0)
        return whole


def _back(places: np.ndarray, span: Span) -> np.ndarray:
    return np.clip((places - span.at + span.first) * (span.source / span.resized), 0.0, float(span.source))


def _middles(span: Span) -> np.ndarray:
    """int64 [source]: the middles of the picture's pixels in the resized one, times twice `source`."""
    return (2 * np.arange(span.source, dtype=np.int64) + 1) * span.resized


def _first_shown(span: Span) -> int:
    return int(np.searchsorted(_middles(span), 2 * span.source * span.first))


def _at(span: Span, count: int) -> np.ndarray:
    """int64: the places in a mask's axis of `count` of the picture's pixels that the network is shown."""
    middles, unit = _middles(span), 2 * span.source
    shown = (middles >= unit * span.first) & (middles < unit * (span.first + span.count))
    return ((middles[shown] + unit * (span.at - span.first)) * count) // (unit * span.side)
