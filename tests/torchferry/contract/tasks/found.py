"""Made up detections and truths, some of which are alike."""

import numpy as np

from torchferry.contract.tasks.detection import Detection
from torchferry.contract.tasks.task import Arrays

LABELS = ("cat", "dog", "owl")


def task() -> Detection:
    return Detection(labels=LABELS, max_detections=12)


def some_boxes(random: np.random.Generator, count: int) -> np.ndarray:
    corners = random.uniform(0, 80, (count, 2))
    return np.concatenate([corners, corners + random.uniform(4, 40, (count, 2))], axis=1)


def some(pictures: int, seed: int = 0, most: int = 6) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs and targets. About half of the true boxes are found, not quite where they are; equal scores occur."""
    random = np.random.default_rng(seed)
    rows = task().max_detections
    outputs: dict[str, np.ndarray] = {
        "boxes": np.zeros((pictures, rows, 4), np.float32),
        "labels": np.zeros((pictures, rows), np.int64),
        "scores": np.zeros((pictures, rows), np.float32),
        "count": np.zeros(pictures, np.int64),
    }
    targets = {"boxes": np.zeros((pictures, most, 4), np.float32), "labels": np.full((pictures, most), -1)}
    for place in range(pictures):
        count = int(random.integers(0, most + 1))
        boxes, labels = some_boxes(random, count), random.integers(0, len(LABELS), count)
        targets["boxes"][place, :count], targets["labels"][place, :count] = boxes, labels
        near = boxes + random.normal(0, 2, boxes.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)  # of those without area COCO counts no wrong ones
        kept = random.random(count) < 0.7
        wrong = int(random.integers(0, 4))
        found = np.concatenate([near[kept], some_boxes(random, wrong)])
        named = np.concatenate([labels[kept], random.integers(0, len(LABELS), wrong)])
        scores = np.sort(np.round(random.uniform(0.05, 1, len(found)), 1))[::-1]
        size = len(found)
        outputs["boxes"][place, :size], outputs["labels"][place, :size] = found, named
        outputs["scores"][place, :size], outputs["count"][place] = scores, size
    return outputs, targets


def taken(arrays: Arrays, places: np.ndarray | list[int]) -> dict[str, np.ndarray]:
    return {name: values[places] for name, values in arrays.items()}
