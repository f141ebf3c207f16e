"""The way back from the network's picture: boxes and masks of a picture of any size, by all resizes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from torchferry.contract.axes import Axis
from torchferry.contract.fitted_boxes import fitted_boxes
from torchferry.contract.image import image_array
from torchferry.contract.placement import Placement
from torchferry.contract.resize import spans
from torchferry.training.data.source import ImageInput

BOUNDS = {"height": Axis(at=2, name="height", least=24, most=64, step=8), "width": Axis(at=3, name="width", most=128)}
RESIZES = [("squash", 1.0), ("squash", 0.75), ("crop", 1.0), ("crop", 0.875), ("pad", 1.0), ("pad", 0.8)]
SIZES = [(96, 64), (63, 97), (200, 50), (48, 64), (7, 5), (49, 65)]
UNSEEN = 255


def spec(**given: Any) -> ImageInput:
    plain: dict[str, Any] = {"mode": "L", "height": 64, "width": 48, "mean": (0.0,), "std": (1.0,)}
    return ImageInput(**plain | given)


def placed(width: int, height: int, input: ImageInput) -> Placement:
    return Placement(*spans(width, height, input))


@pytest.mark.parametrize(("resize", "fraction"), RESIZES)
@pytest.mark.parametrize("size", SIZES)
def test_boxes_come_back_to_where_they_were_but_for_what_was_cut_off(
    resize: str, fraction: float, size: tuple[int, int]
) -> None:
    input, (width, height) = spec(resize=resize, fraction=fraction), size
    place = placed(*size, input)
    boxes = np.array([[0, 0, width, height], [0.3 * width, 0.4 * height, 0.6 * width, 0.7 * height]])
    moved, _ = fitted_boxes(boxes, *size, input)
    (left, right), (top, bottom) = place.across.box, place.down.box
    if resize != "crop" and fraction == 1:
        assert (left, top, right, bottom) == pytest.approx((0, 0, width, height))
    expected = np.clip(boxes, [left, top, left, top], [right, bottom, right, bottom])
    np.testing.assert_allclose(place.places(moved), expected, atol=1e-3)
    assert place.places(moved).dtype == np.float32
    assert place.size == (height, width)


def test_places_are_clipped_to_the_picture_and_none_stays_none() -> None:
    place = placed(96, 64, spec(height=48, resize="pad"))
    found = np.array([[-9, 0, 99, 48], [0, 0, 0, 0], [np.nan, 1, np.inf, 20]], np.float32)
    assert place.places(found)[0].tolist() == [0, 0, 96, 64]
    assert place.places(found)[1].tolist() == [0, 0, 0, 0]
    assert np.isnan(place.places(found)[2, 0])
    assert np.isinf(place.places(found)[2, 2])
    cropped = placed(96, 64, spec(resize="crop"))
    assert cropped.places(np.zeros((2, 4), np.float32)).tolist() == [[0] * 4] * 2
    assert cropped.places(np.array([0, 0, 9, 9], np.float32))[0] > 0
    points = np.array([[24, 24], [0, 0]], np.int64)
    assert place.places(points).tolist() == [[48, 32], [0, 0]]
    assert place.places(points).dtype == np.int64


@pytest.mark.parametrize(("resize", "fraction"), RESIZES)
@pytest.mark.parametrize("size", SIZES)
def test_a_mask_comes_back_as_the_picture_was(resize: str, fraction: float, size: tuple[int, int]) -> None:
    """A picture whose pixels say where they are: each of the mask's is at most a pixel of the coarser one off."""
    input = spec(resize=resize, fraction=fraction, interpolation="nearest", fill=(9,) if resize == "pad" else ())
    place, (width, height) = placed(*size, input), size
    for axis, span in enumerate((place.across, place.down)):
        ramp = np.arange(size[axis], dtype=np.uint8)
        pixels = np.ascontiguousarray(np.broadcast_to(ramp if axis == 0 else ramp[:, None], (height, width)))
        mask = place.mask(image_array(Image.fromarray(pixels), input)[0], UNSEEN)
        assert mask.shape == (height, width)
        seen = mask != UNSEEN
        off = np.abs(mask.astype(int) - pixels)[seen]
        assert off.max() <= max(1, -(-span.source // span.resized))
        (left, right), (top, bottom) = place.across.box, place.down.box
        middles = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
        inside = (middles[0] > top) & (middles[0] < bottom) & (middles[1] > left) & (middles[1] < right)
        assert np.abs(seen.astype(int) - inside).mean() < 0.03
        if resize != "crop" and fraction == 1:
            assert seen.all()


def test_a_mask_of_a_part_of_the_networks_size_fills_the_picture_as_well() -> None:
    place = placed(8, 4, spec(height=4, width=4, resize="pad"))
    half = np.array([[7, 8], [1, 2]], np.uint8)
    mask = place.mask(half, UNSEEN)
    assert mask.tolist() == [[7] * 4 + [8] * 4] * 2 + [[1] * 4 + [2] * 4] * 2


def test_a_picture_of_the_networks_size_is_its_own() -> None:
    place, mask = placed(48, 64, spec()), np.random.default_rng(0).integers(0, 3, (64, 48), np.uint8)
    assert np.array_equal(place.mask(mask, UNSEEN), mask)
    boxes = np.array([[1.25, 2, 30.5, 40]], np.float32)
    assert np.array_equal(place.places(boxes), boxes)


def test_of_another_size_places_are_that_ones() -> None:
    place = placed(96, 64, spec(resize="crop")).of(32, 48)
    assert place.size == (32, 48)
    assert place.places(np.array([24.0, 32.0], np.float32)).tolist() == [24, 16]


@pytest.mark.parametrize("size", SIZES)
def test_masks_and_boxes_of_pictures_of_their_own_size_come_back(size: tuple[int, int]) -> None:
    input, (width, height) = spec(**BOUNDS, resize="keep"), size
    place = placed(width, height, input)
    boxes = np.array([[0, 0, width, height], [0.3 * width, 0.4 * height, 0.6 * width, 0.7 * height]])
    np.testing.assert_allclose(place.places(fitted_boxes(boxes, width, height, input)[0]), boxes, atol=1e-3)
    pixels = np.zeros((height, width), np.uint8)
    pixels[height // 3 :, width // 2 :] = 200
    shown = image_array(Image.fromarray(pixels), replace(input, interpolation="nearest", fill=(7,)))[0]
    mask = place.mask(shown, UNSEEN)
    assert mask.shape == (height, width)
    assert set(np.unique(mask).tolist()) <= {0, 200}, "nothing of what lies beside the picture"
    if 24 <= height <= 64:
        assert np.array_equal(mask, pixels)
