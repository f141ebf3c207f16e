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
    counts_labels = True
    least_agreement = {"fp32": 0.999, "fp16": 0.99, "int8": 0.97}  # noqa: RUF012  # as Task says it

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

    @property
    def masks(self) -> Mapping[str, int]:
        """What was not shown has the number of what is not judged. None where all numbers of a pixel are classes."""
        free = min(self.ignore_index, MOST_LABELS - 1)
        return {"classes": free} if free >= len(self.labels) else {}

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        """{"shares": {label: share of the pixels}, "size": [height, width], "runs": [class, length, class, ...]}; runs
        go row by row from the upper left pixel on. Shares are of the pixels that the network was shown."""
        mask = sample["classes"]
        runs = run_lengths.runs_of(mask)
        counts = np.bincount(runs[:, 0], weights=runs[:, 1], minlength=len(self.labels))[: len(self.labels)]
        return {
            "shares": dict(zip(self.labels, (counts / max(counts.sum(), 1)).tolist(), strict=True)),
            "size": list(mask.shape),
            "runs": run_lengths.written(runs),
        }

    def schema(self) -> dict[str, Any]:
        whole = {"type": "integer", "minimum": 0}
        said = "class, length, class, length, ... row by row"
        if self.masks:
            said += f"; class {self.masks['classes']} is what the network was not shown"
        runs = {"type": "array", "items": whole, "description": said}
        size = {"type": "array", "items": whole, "minItems": 2, "maxItems": 2, "description": "height, width"}
        return {"shares": as_object(dict.fromkeys(self.labels, NUMBER)), "size": size, "runs": runs}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        """Raises ValueError for runs that are not of the size."""
        return {"classes": run_lengths.read(words["runs"], tuple(words["size"]))}

    @property
    def files(self) -> Mapping[str, str]:
        return {"png": "image/png"}

    def file(self, form: str, sample: Arrays, picture: np.ndarray | None) -> bytes:  # noqa: ARG002
        """A PNG whose pixels are the classes; a palette shows them in colours."""
        image = Image.fromarray(sample["classes"], mode="P")
        image.putpalette(PALETTE)
        written = io.BytesIO()
        image.save(written, "PNG")
        return written.getvalue()

    def counts(self, outputs: Arrays) -> np.ndarray:
        return self.counts_of(outputs["classes"])

    def counts_of(self, targets: np.ndarray) -> np.ndarray:
        """Of each sample the share of its pixels, so that large pictures count no more than small ones."""
        counts = _counts(targets, targets < len(self.labels), len(self.labels))
        return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).sum(axis=0)

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        """Of each sample how many pixels are of each class, uint32 [samples, labels]: by the `truth`, as `answered`,
        and by both, which is `right`. A confusion of all classes would grow with their square."""
        answered, labels = outputs["classes"], len(self.labels)
        judged = targets != self.ignore_index
        return {
            "truth": _counts(targets, judged, labels),
            "answered": _counts(answered, judged, labels),
            "right": _counts(targets, judged & (targets == answered), labels),
        }

    def sums(self, rows: Arrays) -> Sums:
        return {name: counts.sum(axis=0, dtype=np.float64) for name, counts in rows.items()}

    def values(self, sums: Sums) -> dict[str, float]:
        """miou is the mean of the IoU of those classes that are true or answered somewhere."""
        each, judged = _iou(sums), float(sums["truth"].sum())
        return {
            "miou": float(_mean(each)),
            "pixel_accuracy": float(sums["right"].sum()) / judged if judged else float("nan"),
            **{f"iou/{label}": value for label, value in zip(self.labels, each.tolist(), strict=True)},
        }

    def scores(self, rows: Arrays, times: np.ndarray) -> np.ndarray:
        weights = times.astype(np.float64)
        return _mean(_iou({name: weights @ counts.astype(np.float64) for name, counts in rows.items()}))

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        right, judged = (rows[name].sum(axis=1) for name in ("right", "truth"))
        return np.zeros(len(right), np.int64), right < (1 - MISTAKEN) * judged

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray:
        """The share of pixels."""
        same = answered["classes"] == expected["classes"]
        return same.mean(axis=(1, 2))


def _counts(classes: np.ndarray, where: np.ndarray, labels: int) -> np.ndarray:
    """uint32 [samples, labels]: how many pixels of each class there are `where` it is asked."""
    each = [np.bincount(one[asked], minlength=labels) for one, asked in zip(classes, where, strict=True)]
    return np.array(each, np.uint32).reshape(len(each), labels)


def _iou(pixels: Arrays) -> np.ndarray:
    """float64 [..., labels]; NaN for a class that is neither true nor answered."""
    either = pixels["truth"] + pixels["answered"] - pixels["right"]
    return np.divide(pixels["right"], either, out=np.full(either.shape, np.nan), where=either > 0)


def _mean(each: np.ndarray) -> np.ndarray:
    """Over the classes that are there; NaN where none is."""
    known = ~np.isnan(each)
    sums, classes = np.where(known, each, 0.0).sum(axis=-1), known.sum(axis=-1)
    return np.divide(sums, classes, out=np.full(sums.shape, np.nan), where=classes > 0)


def _palette() -> list[int]:
    """As PASCAL VOC's masks have it: a class's bits, three at a time, are the highest bits of red, green and blue."""
    colours = []
    for label in range(MOST_LABELS):
        for channel in range(3):
            colours.append(sum((label >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)))
    return colours


PALETTE = _palette()
