"""Boxes with their names drawn into a picture. Pillow and numpy only."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

TRUE, FOUND = (80, 220, 100), (255, 90, 60)
LEAST = 240
"""Pixels of the shorter side that letters can be read on; a smaller picture is enlarged by a whole number."""
MOST = 4_000_000
"""Pixels of a picture that is drawn into, which takes about half a second."""


def drawn_boxes(
    pixels: np.ndarray, boxes: np.ndarray, names: Sequence[str], colour: tuple[int, int, int] = FOUND
) -> np.ndarray:
    """uint8 [height, width, 3] of a picture, uint8 [height, width] or [height, width, channels], enlarged where it is
    small, with boxes [boxes, 4] in its own pixels."""
    picture = as_colours(pixels)
    room = math.isqrt(MOST // max(1, picture.width * picture.height))
    times = max(1, min(-(-LEAST // max(1, min(picture.size))), room))
    return _drawn(picture.resize((picture.width * times, picture.height * times), 0), boxes * times, names, colour)


def as_colours(pixels: np.ndarray) -> Image.Image:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    return Image.fromarray(np.ascontiguousarray(pixels.squeeze() if channels == 1 else pixels), mode).convert("RGB")


def _drawn(picture: Image.Image, boxes: np.ndarray, names: Sequence[str], colour: tuple[int, int, int]) -> np.ndarray:
    draw = ImageDraw.Draw(picture)
    width = max(1, round(min(picture.size) / 200))
    for (left, top, right, bottom), name in zip(np.nan_to_num(boxes).tolist(), names, strict=True):
        draw.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=width)
        if name:
            draw.text((left + 2, max(0, top - 11)), name, fill=colour)
    return np.asarray(picture)
