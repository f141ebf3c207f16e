"""Tells true detections from false ones, by pycocotools, one picture at a time."""

import contextlib
import io
from typing import Any

import numpy as np

from torchferry.errors import UserError

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""Those at which average precision is taken, as COCO does it."""

MISSING = "its metrics need pycocotools, which is not installed; pip install pycocotools"


def coco_matches(
    boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, true_boxes: np.ndarray, true_labels: np.ndarray
) -> np.ndarray:
    """bool [pictures, detections, OVERLAPS]: whether a detection is the one that a true box of its label is found by.

    Boxes are float [pictures, ..., 4], labels int64 [pictures, ...], -1 where there is none. Raises UserError without
    pycocotools.
    """
    try:
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise UserError(f"detection: {MISSING}") from error
    pictures, detections = labels.shape
    found = np.zeros((pictures, detections, len(OVERLAPS)), bool)
    classes = int(max(labels.max(initial=-1), true_labels.max(initial=-1))) + 1
    with contextlib.redirect_stdout(io.StringIO()):  # it says how long it takes
        truth = coco_set(true_boxes, true_labels, np.zeros(true_labels.shape), classes)
        given = coco_set(boxes, labels, scores, classes)
        judge = COCOeval(truth, given, "bbox")
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.params.maxDets, judge.params.iouThrs = [detections], OVERLAPS
        judge.evaluate()
    for one in judge.evalImgs:
        if one is not None and one["dtIds"]:
            picture, places = np.divmod(np.array(one["dtIds"]) - 1, detections)
            found[picture, places] = one["dtMatches"].T > 0
    return found


def coco_set(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, classes: int) -> Any:
    """pycocotools' own set of boxes. Ids count from 1, because a match with 0 is none to it."""
    from pycocotools.coco import COCO

    made = COCO()
    pictures, places = np.nonzero(labels >= 0)
    # A NaN overlaps everything to pycocotools; a box without area nothing.
    corners = boxes[pictures, places].astype(np.float64)
    corners[~np.isfinite(corners).all(axis=1)] = 0.0
    sizes = corners[:, 2:] - corners[:, :2]
    made.dataset = {
        "images": [{"id": picture} for picture in range(len(labels))],
        "categories": [{"id": number} for number in range(classes)],
        "annotations": [
            {
                "id": picture * labels.shape[1] + place + 1,
                "image_id": picture,
                "category_id": label,
                "bbox": [*corner[:2], *size],
                "area": size[0] * size[1],
                "score": score,
                "iscrowd": 0,
            }
            for picture, place, label, corner, size, score in zip(
                pictures.tolist(),
                places.tolist(),
                labels[pictures, places].tolist(),
                corners.tolist(),
                sizes.tolist(),
                scores[pictures, places].tolist(),
                strict=True,
            )
        ],
    }
    made.createIndex()
    return made
