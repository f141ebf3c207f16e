"""A class for each pixel."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from torchferry.contract.tasks import run_lengths
from torchferry.contract.tasks.ranking import NUMBER, as_object
from torchferry.contract.tasks.task import Arrays, Sums, Task
from torchferry.errors import UserError

MOST_LABELS = 256
"""What a pixel of a PNG, and of a mask, can tell apart."""
MISTAKEN = 0.1
"""The share of wrong pixels from which on a whole picture counts as a mistake, among those that are shown."""


@dataclass(frozen=True, kw_only=True)
class Segmentation(Task):
    """`classes`, uint8 [samples, height, width]. Targets are masks, uint8 of the same shape.

    Args:
        ignore_index: What a mask says of pixels that are neither learnt nor judged; at least the number of labels. The
            data say it.
    """

    ignore_index: int = 255

    of_data = ("ignore_index",)
    training = "torchferry.training.tasks.segmentation.Segmentation"
    outputs = ("classes",)
    headline = "miou"

    def __post_init__(self) -> None:
        if type(self.ignore_index) is not int:
            raise UserError(f"ignore_index: {self.ignore_index!r} is not a whole number")
        most = MOST_LABELS if self.ignore_index >= MOST_LABELS else MOST_LABELS - 1
        if len(self.labels) > most:
            count = f"{most} of a pixel's {MOST_LABELS} numbers; there are {len(self.labels)} labels"
            raise UserError(f"ignore_index: leaves {count}")
        if not len(self.labels) <= self.ignore_index <= MOST_LABELS:
            raise UserError(
                f"ignore_index: {self.ignore_index} is not from {len(self.labels)}, the number of labels, to "
                f"{MOST_LABELS}"
            )

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "pixel_accuracy")

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        """{"shares": {label: share of the pixels}, "size": [height, width], "runs": [class, length, class, ...]}; runs
        go row by row from the upper left pixel on."""
        mask = sample["classes"]
        counts = np.bincount(mask.reshape(-1), minlength=len(self.labels))
        return {
            "shares": dict(zip(self.labels, (counts / mask.size).tolist(), strict=True)),
            "size": list(mask.shape),
            "runs": run_lengths.written(mask),
        }

    def schema(self) -> dict[str, Any]:
        whole = {"type": "integer", "minimum": 0}
        runs = {"type": "array", "items": whole, "description": "class, length, class, length, ... row by row"}
        size = {"type": "array", "items": whole, "minItems": 2, "maxItems": 2, "description": "height, width"}
        return {"shares": as_object(dict.fromkeys(self.labels, NUMBER)), "size": size, "runs": runs}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        """Raises ValueError for runs that are not of the size."""
        return {"classes": run_lengths.read(words["runs"], tuple(words["size"]))}

    @property
    def files(self) -> Mapping[str, str]:
        return {"png": "image/png"}

    def file(self, form: str, sample: Arrays, picture: np.ndarray | None) -> bytes:  # noqa: ARG002
        """A PNG of the network's size, whose pixels are the classes; a palette shows them in colours."""
        image = Image.fromarray(sample["classes"], mode="P")
        image.putpalette(PALETTE)
        written = io.BytesIO()
        image.save(written, "PNG")
        return written.getvalue()

    @property
    def counted(self) -> tuple[str, ...]:
        return self.labels

    def counts(self, outputs: Arrays) -> np.ndarray:
        return self.counts_of(outputs["classes"])

    def counts_of(self, targets: np.ndarray) -> np.ndarray:
        """Of each sample the share of its pixels, so that large pictures count no more than small ones."""
        counts = np.stack([(targets == label).sum(axis=(1, 2)) for label in range(len(self.labels))], axis=1)
        return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).sum(axis=0)

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        """The confusion of each sample's pixels, uint32 [samples, labels, labels], rows true classes."""
        return {"pixels": np.stack([self._confusion(*pair) for pair in zip(outputs["classes"], targets, strict=True)])}

    def sums(self, rows: Arrays) -> Sums:
        return {"pixels": rows["pixels"].sum(axis=0, dtype=np.float64)}

    def values(self, sums: Sums) -> dict[str, float]:
        """miou is the mean of the IoU of those classes that are true or answered somewhere."""
        pixels = sums["pixels"]
        each = _iou(pixels)
        return {
            "miou": float(np.nanmean(each)) if not np.isnan(each).all() else float("nan"),
            "pixel_accuracy": float(pixels.trace() / pixels.sum()) if pixels.any() else float("nan"),
            **{f"iou/{label}": value for label, value in zip(self.labels, each.tolist(), strict=True)},
        }

    def score(self, rows: Arrays, times: np.ndarray | None = None) -> float:
        pixels = rows["pixels"]
        weights = np.ones(len(pixels)) if times is None else times
        each = _iou(np.tensordot(weights, pixels, axes=1))
        return float(np.nanmean(each)) if not np.isnan(each).all() else float("nan")

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        pixels = rows["pixels"]
        right, judged = pixels.trace(axis1=1, axis2=2), pixels.sum(axis=(1, 2))
        return np.zeros(len(pixels), np.int64), right < (1 - MISTAKEN) * judged

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray:
        """The share of pixels."""
        same = answered["classes"] == expected["classes"]
        return same.mean(axis=(1, 2))

    def limits(self, rounding: str) -> Mapping[str, float]:
        least = {"fp32": 0.999, "fp16": 0.99, "int8": 0.97}
        return {"max_drop": 0.005, "min_agreement": least[rounding]}

    def _confusion(self, answered: np.ndarray, truth: np.ndarray) -> np.ndarray:
        judged, classes = truth != self.ignore_index, len(self.labels)
        flat = truth[judged].astype(np.int64) * classes + answered[judged]
        return np.bincount(flat, minlength=classes**2).reshape(classes, classes).astype(np.uint32)


def _iou(pixels: np.ndarray) -> np.ndarray:
    """float64 [labels]; NaN for a class that is neither true nor answered."""
    right = pixels.diagonal().astype(np.float64)
    either = pixels.sum(axis=0) + pixels.sum(axis=1) - right
    return np.divide(right, either, out=np.full(len(right), np.nan), where=either > 0)


def _palette() -> list[int]:
    """As PASCAL VOC's masks have it: a class's bits, three at a time, are the highest bits of red, green and blue."""
    colours = []
    for label in range(MOST_LABELS):
        for channel in range(3):
            colours.append(sum((label >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)))
    return colours


PALETTE = _palette()
