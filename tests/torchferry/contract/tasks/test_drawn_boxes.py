import numpy as np
import pytest

from torchferry.contract.tasks.drawn_boxes import FOUND, MOST, drawn_boxes


@pytest.mark.parametrize("shape", [(300, 400), (300, 400, 1), (300, 400, 2), (300, 400, 3), (300, 400, 4)])
def test_frames_are_where_the_boxes_are(shape: tuple[int, ...]) -> None:
    drawn = drawn_boxes(np.zeros(shape, np.uint8), np.array([[50, 60, 150, 200.0]]), [""])
    assert drawn.shape == (300, 400, 3)
    assert np.argwhere((drawn == FOUND).all(axis=2)).min(axis=0).tolist() == [60, 50]
    assert (drawn[63:197, 53:147] == 0).all()


def test_a_small_picture_is_enlarged_with_its_boxes() -> None:
    drawn = drawn_boxes(np.zeros((60, 80), np.uint8), np.array([[10, 20, 30, 40.0]]), [""])
    assert drawn.shape == (240, 320, 3)
    assert np.argwhere((drawn == FOUND).all(axis=2)).min(axis=0).tolist() == [80, 40]


def test_boxes_that_are_no_numbers_or_turned_around_are_no_error() -> None:
    boxes = np.array([[np.nan, 0, 10, 10], [30, 30, 10, 10], [-5, -5, 1e6, 1e6]])
    drawn_boxes(np.zeros((300, 300), np.uint8), boxes, ["a", "b", "naïve ☃"])


def test_a_long_picture_is_not_enlarged_to_more_than_is_drawn() -> None:
    assert drawn_boxes(np.zeros((4, 900_000), np.uint8), np.zeros((0, 4)), []).shape == (4, 900_000, 3)
    height, width, _ = drawn_boxes(np.zeros((10, 10_000), np.uint8), np.zeros((0, 4)), []).shape
    assert (height, width) == (60, 60_000)
    assert height * width <= MOST
