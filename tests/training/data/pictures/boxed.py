"""A few pictures with boxes, as files of COCO's and of YOLO's format."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 96, 48
BOX = (20, 10, 60, 30)
"""In every picture but the first; white on black."""


def pictures(folder: Path, count: int = 4, **saved: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.full((HEIGHT, WIDTH), number, np.uint8)
        if number:
            pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
        Image.fromarray(pixels).save(folder / f"{number}.png", **saved)


def coco_content(count: int = 4) -> dict[str, Any]:
    x, y, right, bottom = BOX
    return {
        "images": [{"id": n + 10, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT} for n in range(count)],
        "annotations": [
            {"id": n, "image_id": n + 10, "category_id": 7, "bbox": [x, y, right - x, bottom - y], "iscrowd": 0}
            for n in range(1, count)
        ],
        "categories": [{"id": 7, "name": "white"}, {"id": 3, "name": "other"}],
    }


def coco_tree(root: Path, content: dict[str, Any] | None = None) -> Path:
    """The JSON file, with its pictures beside it."""
    pictures(root)
    path = root / "boxes.json"
    path.write_text(json.dumps(content or coco_content()))
    return path


def yolo_tree(root: Path, line: str | None = None) -> Path:
    """Pictures to train and to test on; `line` is in the file of the second one to train on."""
    x, y, right, bottom = BOX
    own = f"1 {(x + right) / 2 / WIDTH} {(y + bottom) / 2 / HEIGHT} {(right - x) / WIDTH} {(bottom - y) / HEIGHT}"
    for side in ("train", "val"):
        pictures(root / "images" / side)
        labels = root / "labels" / side
        labels.mkdir(parents=True)
        for number in (1, 2, 3):
            (labels / f"{number}.txt").write_text(own + "\n")
    if line is not None:
        (root / "labels" / "train" / "1.txt").write_text(f"{own}\n{line}\n")
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: {0: other, 1: white}\n")
    return root
