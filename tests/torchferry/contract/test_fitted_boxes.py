from typing import Any

import numpy as np
import pytest
from PIL import Image

from torchferry.contract.fitted_boxes import fitted_boxes
from torchferry.contract.image import image_array
from torchferry.training.data.source import ImageInput


def spec(**given: Any) -> ImageInput:
    plain: dict[str, Any] = {"mode": "L", "height": 64, "width": 48, "mean": (0.0,), "std": (1.0,)}
    return ImageInput(**plain | given)


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
@pytest.mark.parametrize("fraction", [1.0, 0.75])
@pytest.mark.parametrize("size", [(96, 64), (64, 96), (200, 50), (48, 64)])
def test_boxes_stay_around_what_they_are_around(resize: str, fraction: float, size: tuple[int, int]) -> None:
    pixels = np.zeros(size[::-1], np.uint8)
    pixels[20:40, 24:42] = 255
    input = spec(resize=resize, fraction=fraction)
    moved, is_left = fitted_boxes(np.array([[24, 20, 42, 40]]), *size, input)
    ink = np.argwhere(image_array(Image.fromarray(pixels), input)[0] >= 128)
    if not is_left[0]:
        assert len(ink) == 0 or np.ptp(ink, axis=0).min() == 0
        return
    shown = [*ink.min(axis=0)[::-1], *(ink.max(axis=0)[::-1] + 1)]
    assert np.abs(moved[0] - shown).max() <= 1


def test_what_is_cut_off_is_gone() -> None:
    boxes = np.array([[0, 0, 10, 40], [0, 0, 60, 40], [100, 0, 110, 40]])
    moved, is_left = fitted_boxes(boxes, 160, 40, spec(height=40, width=40, resize="crop"))
    assert is_left.tolist() == [False, False, True] or is_left.tolist() == [False, False, False]
    assert ((moved >= 0) & (moved <= 40)).all()


def test_none_is_a_number_too() -> None:
    moved, is_left = fitted_boxes(np.zeros((0, 4)), 96, 64, spec())
    assert moved.shape == (0, 4)
    assert is_left.shape == (0,)
