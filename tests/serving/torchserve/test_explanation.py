"""Explanations: attributions as JSON, or drawn over the image."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from torchferry.serving.torchserve.explanation import AGAINST, FOR, LONGEST_SIDE, STEPS, Explanation


def explanation(attributions: np.ndarray, pixels: np.ndarray | None) -> Explanation:
    shown = {} if pixels is None else {"image": pixels}
    return of_inputs({"image": attributions}, shown)


def of_inputs(attributions: dict[str, np.ndarray], pixels: dict[str, np.ndarray]) -> Explanation:
    found = {name: values.astype(np.float32) for name, values in attributions.items()}
    return Explanation(target="cat", baseline="zeros", convergence_delta=0.5, attributions=found, pixels=pixels)


def drawn(attributions: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """RGB by row and column."""
    return np.asarray(Image.open(io.BytesIO(explanation(attributions[None], pixels).picture())))


def test_the_text_says_what_was_computed_and_how() -> None:
    assert json.loads(explanation(np.array([[1, -2]]), None).text("pets-torch")) == {
        "model": "pets-torch",
        "target": "cat",
        "method": "integrated gradients",
        "steps": STEPS,
        "baseline": "zeros",
        "convergence_delta": 0.5,
        "attributions": [{"name": "image", "shape": [1, 2], "datatype": "FP32", "data": [1.0, -2.0]}],
    }


def test_a_picture_is_red_for_the_target_blue_against_it_and_else_the_grey_of_the_image() -> None:
    shown = drawn(np.array([[[2, -2, 0, 0]]]), np.array([[[9, 9, 100, 255]]], np.uint8))
    assert shown[0, :: LONGEST_SIDE // 4].tolist() == [list(FOR), list(AGAINST), [100] * 3, [255] * 3]


def test_channels_are_added_up_and_the_weaker_keep_more_of_the_grey() -> None:
    attributions = np.array([[[1, 4, 3]], [[1, 0, -3]]])
    shown = drawn(attributions, np.array([[[100, 0, 50]], [[200, 0, 150]]], np.uint8))[0, :: LONGEST_SIDE // 3]
    half = (np.array([150] * 3) + FOR) / 2
    np.testing.assert_allclose(shown[0], half, atol=3)  # the full colour is that of the 99th percentile
    assert shown[1:3].tolist() == [list(FOR), [100] * 3]


@pytest.mark.parametrize(
    ("height", "width", "size"), [(8, 8, (224, 224)), (3, 5, (220, 132)), (150, 10, (10, 150)), (300, 20, (20, 300))]
)
def test_small_images_are_enlarged_by_a_whole_factor(height: int, width: int, size: tuple[int, int]) -> None:
    picture = explanation(np.zeros((1, 1, height, width)), np.zeros((1, height, width), np.uint8)).picture()
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", size)


def test_several_images_stand_beside_each_other_and_share_a_scale() -> None:
    attributions = {"row": np.array([[9.0]]), "left": np.array([[[[4.0]]]]), "right": np.array([[[[-2.0], [0]]]])}
    pixels = {"left": np.array([[[100]]], np.uint8), "right": np.array([[[200], [50]]], np.uint8)}
    shown = np.asarray(Image.open(io.BytesIO(of_inputs(attributions, pixels).picture())))
    assert shown.shape == (LONGEST_SIDE, LONGEST_SIDE + LONGEST_SIDE // 2, 3)
    assert shown[0, 0].tolist() == list(FOR)
    half = (np.array([200] * 3) + AGAINST) / 2
    np.testing.assert_allclose(shown[0, -1], half, atol=3)  # the full colour is that of the 99th percentile
    assert shown[-1, -1].tolist() == [50] * 3


def test_where_nothing_counts_the_image_stays() -> None:
    shown = drawn(np.zeros((1, 2, 2)), np.array([[[0, 50], [100, 200]]], np.uint8))
    assert shown[:: LONGEST_SIDE // 2, :: LONGEST_SIDE // 2, 0].tolist() == [[0, 50], [100, 200]]


def test_one_pixel_that_counts_among_many_that_do_not_is_seen() -> None:
    attributions = np.zeros((1, 16, 16))
    attributions[0, 0, 0] = 1e-6
    shown = drawn(attributions, np.zeros((1, 16, 16), np.uint8))
    assert shown[0, 0].tolist() == list(FOR)
