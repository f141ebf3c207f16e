"""Any number of objects in each picture, each with a box, a label and a score."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.contract.tasks.average_precision import average_precision, by_rank
from torchferry.contract.tasks.boxes import pairs
from torchferry.contract.tasks.coco_matches import coco_matches
from torchferry.contract.tasks.ranking import NUMBER, as_object
from torchferry.contract.tasks.task import NONE, Arrays, Sums, Task
from torchferry.errors import UserError

SURE = 0.5
"""The score from which on an object counts in what people look at: mistakes, pictures, and drift, which the many of low
scores would hide."""
NAMED = 20
"""Of so many classes each one's average precision is told."""


@dataclass(frozen=True, kw_only=True)
class Detection(Task):
    """`boxes` float32 [samples, max_detections, 4], x1, y1, x2, y2 in pixels of the network's picture, `labels` int64
    [samples, max_detections], `scores` float32 of the same shape, the highest first, and `count` int64 [samples]: how
    many of the rows are objects. The others are zeros.

    Args:
        max_detections: The most objects that are found in a picture.
        score_threshold: 0 to 1: what has a lower score is no object. Low ones are of use to the metrics.
        iou_threshold: 0 to 1: of two boxes of one label that overlap by more, the one with the lower score is dropped.
        candidates: So many boxes, those with the highest scores, are looked at for that.
    """

    max_detections: int = 100
    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    candidates: int = 400

    training = "torchferry.training.tasks.detection.Detection"
    outputs = ("boxes", "labels", "scores", "count")
    headline = "map50"
    adds_up = False
    places = ("boxes",)
    files = {"png": "image/png"}  # noqa: RUF012  # as Task says it

    def __post_init__(self) -> None:
        for name in ("score_threshold", "iou_threshold"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise UserError(f"{name}: {value!r} is not a number from 0 to 1")
        for name in ("max_detections", "candidates"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name}: {value!r} is not a whole number of 1 or more")
        if self.candidates < self.max_detections:
            raise UserError(f"candidates: {self.candidates} are fewer than max_detections, {self.max_detections}")

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "map50_95")

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        """{"objects": [{"label", "score", "box": [x1, y1, x2, y2]}]}, the highest score first; the box in the pixels
        that the sample's are in."""
        found = range(_size(sample))
        return {
            "objects": [
                {
                    "label": self.labels[int(sample["labels"][place])],
                    "score": float(sample["scores"][place]),
                    "box": [float(each) for each in sample["boxes"][place]],
                }
                for place in found
            ]
        }

    def schema(self) -> dict[str, Any]:
        box = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 4}
        one = {"label": {"enum": sorted({*self.labels})}, "score": NUMBER, "box": box}
        return {"objects": {"type": "array", "items": as_object(one), "maxItems": self.max_detections}}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        objects = words["objects"][: self.max_detections]
        made: dict[str, np.ndarray] = {
            "boxes": np.zeros((self.max_detections, 4), np.float32),
            "labels": np.zeros(self.max_detections, np.int64),
            "scores": np.zeros(self.max_detections, np.float32),
            "count": np.array(len(objects), np.int64),
        }
        for place, each in enumerate(objects):
            made["boxes"][place] = [np.nan if side is None else side for side in each["box"]]
            made["labels"][place] = self.labels.index(each["label"])
            made["scores"][place] = np.nan if each["score"] is None else each["score"]
        return made

    def file(self, form: str, sample: Arrays, picture: np.ndarray | None) -> bytes:  # noqa: ARG002
        """The picture with the boxes drawn into it; on black where there is no picture."""
        # Here: the servers' other answers need no Pillow.
        from PIL import Image

        from torchferry.contract.tasks.drawn_boxes import drawn_boxes

        boxes = sample["boxes"][: _size(sample)]
        if picture is None:
            sides = np.nan_to_num(boxes[:, 2:]).max(axis=0, initial=1.0).clip(1, 4096).astype(int)
            picture = np.zeros((1, sides[1], sides[0]), np.uint8)
        file = io.BytesIO()
        Image.fromarray(drawn_boxes(picture.transpose(1, 2, 0), boxes, self.named(sample))).save(file, "PNG")
        return file.getvalue()

    def named(self, sample: Arrays) -> list[str]:
        """Label and score of each object, as they are drawn."""
        return [f"{each['label']} {each['score']:.2f}" for each in self.words(sample, 0)["objects"]]

    @property
    def counted(self) -> tuple[str, ...]:
        return (*self.labels, NONE)

    def counts(self, outputs: Arrays) -> np.ndarray:
        """Objects that were found for sure, and the pictures without any."""
        sure = _rows_of(outputs) & (outputs["scores"] >= SURE)
        return self.counts_of({"labels": np.where(sure, outputs["labels"], -1)})

    def counts_of(self, targets: Any) -> np.ndarray:
        labels = targets["labels"]
        objects = np.bincount(labels[labels >= 0], minlength=len(self.labels))
        return np.append(objects, (labels < 0).all(axis=1).sum()).astype(np.float64)

    def rows(self, outputs: Arrays, targets: Any) -> Arrays:
        """Of each picture: `labels` (-1 where nothing was found) and `scores` of what was found, whether that is
        `right` [detections, overlaps], and how many `truths` of each class there are. Targets are `boxes` and `labels`,
        -1 where a picture has fewer objects than another."""
        there, true_labels = _rows_of(outputs), np.asarray(targets["labels"])
        labels = np.where(there, outputs["labels"], -1)
        right = coco_matches(outputs["boxes"], labels, outputs["scores"], np.asarray(targets["boxes"]), true_labels)
        truths = (true_labels[:, :, None] == np.arange(len(self.labels))).sum(axis=1)
        return {"labels": labels, "scores": outputs["scores"], "right": right, "truths": truths}

    def together(self, rows: Arrays) -> Arrays:
        """With the rank of each detection among all of its label."""
        return {**rows, "ranks": by_rank(rows["labels"], rows["scores"])}

    def sums(self, rows: Arrays) -> Sums:
        """Of all samples `together`, which is why they do not add up: the average precision of each class."""
        return {"precision": self._precision(rows, rows["right"], np.ones((1, len(rows["labels"]))))[0]}

    def values(self, sums: Sums) -> dict[str, float]:
        """map50 is the mean over the classes of the average precision at an overlap of 0.5, map50_95 over those of 0.5,
        0.55 and so on as well; ap50 each class's own, where there are few and objects of it."""
        precision = sums["precision"]
        values = {"map50": _mean(precision[:, 0]), "map50_95": _mean(precision)}
        if len(self.labels) <= NAMED:
            each = zip(self.labels, precision[:, 0].tolist(), strict=True)
            values |= {f"ap50/{label}": value for label, value in each if value == value}
        return values

    def scores(self, rows: Arrays, times: np.ndarray) -> np.ndarray:
        each = self._precision(rows, rows["right"][:, :, :1], times)
        return np.array([_mean(precision) for precision in each])

    def _precision(self, rows: Arrays, right: np.ndarray, times: np.ndarray) -> np.ndarray:
        return average_precision(rows["ranks"], rows["labels"], right, rows["truths"], times)

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """By how many objects a picture has. Wrong is one with an object that was not found for sure, or one that is
        not there."""
        sure = (rows["labels"] >= 0) & (rows["scores"] >= SURE)
        right = (sure & rows["right"][:, :, 0]).sum(axis=1)
        objects = rows["truths"].sum(axis=1)
        return objects, (right < objects) | (right < sure.sum(axis=1))

    def aligned(self, answered: Arrays, expected: Arrays) -> Arrays:
        """Objects stand where the expected ones do that are the same. Of what only one of both has the whole numbers
        tell, by a label of -1 and by the count, and not the others, which would be compared with zeros."""
        moved = {name: expected[name].copy() for name in ("boxes", "labels", "scores")}
        for place in range(len(expected["count"])):
            found, wanted = _of(answered, place), _of(expected, place)
            same = pairs(found["boxes"], found["labels"], wanted["boxes"], wanted["labels"])
            moved["labels"][place, : len(wanted["labels"])] = -1
            for name, values in moved.items():
                values[place, same[:, 1]] = found[name][same[:, 0]]
        return {**moved, "count": answered["count"]}

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray:
        """The share of objects that both have found, of what either has; each weighs by its score, because of the low
        ones many are only just above the threshold."""
        shares = np.ones(len(expected["count"]))
        for place in range(len(shares)):
            found, wanted = _of(answered, place), _of(expected, place)
            same = pairs(found["boxes"], found["labels"], wanted["boxes"], wanted["labels"])
            if not len(same) == len(found["labels"]) == len(wanted["labels"]):
                both = found["scores"][same[:, 0]].sum() + wanted["scores"][same[:, 1]].sum()
                whole = found["scores"].sum() + wanted["scores"].sum()
                shares[place] = both / max(whole, 1e-30)
        return np.nan_to_num(shares, nan=0.0)

    def limits(self, rounding: str) -> Mapping[str, float]:
        """Half a point of map50, as of accuracy. Agreement is lower than of classes, because every box with a middling
        score that comes or goes counts; of float32 ones none but near ties do."""
        if rounding == "fp32":
            return {"min_agreement": 0.99}
        return {"max_drop": 0.005, "min_agreement": 0.9 if rounding == "int8" else 0.97}


def _size(sample: Arrays) -> int:
    return int(np.clip(sample["count"], 0, len(sample["labels"])))


def _of(outputs: Arrays, place: int) -> dict[str, np.ndarray]:
    """One picture's objects."""
    size = _size({"count": outputs["count"][place], "labels": outputs["labels"][place]})
    return {name: outputs[name][place, :size] for name in ("boxes", "labels", "scores")}


def _rows_of(outputs: Arrays) -> np.ndarray:
    """bool [samples, max_detections]: which are objects."""
    return np.arange(outputs["labels"].shape[1]) < outputs["count"][:, None]


def _mean(precision: np.ndarray) -> float:
    """Of the classes that there are; NaN of none."""
    known = precision[~np.isnan(precision)]
    return float(known.mean()) if known.size else float("nan")
