import numpy as np

from tests.torchferry.contract.tasks.found import some_boxes
from torchferry.contract.tasks.boxes import overlaps, pairs


def test_overlaps_are_shares_of_the_area_that_either_box_has() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30]])
    assert overlaps(boxes, boxes).tolist() == [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]


def test_a_box_without_area_or_that_is_no_number_overlaps_nothing() -> None:
    boxes = np.array([[5, 5, 5, 5], [np.nan, 0, 10, 10], [-np.inf, 0, np.inf, 10]])
    assert not overlaps(boxes, boxes).any()


def test_pairs_find_each_box_again_in_any_order() -> None:
    random = np.random.default_rng(0)
    boxes, labels = some_boxes(random, 20) + 100 * np.arange(20)[:, None], random.integers(0, 3, 20)
    order = random.permutation(20)
    found = pairs(boxes[order] + 0.1, labels[order], boxes, labels)
    assert sorted(map(tuple, found.tolist())) == sorted(enumerate(order.tolist()))


def test_pairs_are_of_one_label_and_the_largest_overlap_and_take_each_box_once() -> None:
    box, near, nearer = [0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 9]
    assert pairs(np.array([box]), np.array([0]), np.array([near, nearer]), np.array([0, 0])).tolist() == [[0, 1]]
    assert pairs(np.array([box]), np.array([0]), np.array([box]), np.array([1])).tolist() == []
    assert pairs(np.array([box, nearer]), np.array([0, 0]), np.array([box]), np.array([0])).tolist() == [[0, 0]]
