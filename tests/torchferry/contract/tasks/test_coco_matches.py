import sys

import numpy as np
import pytest

from tests.torchferry.contract.tasks.found import some, task
from torchferry.contract.tasks.coco_matches import OVERLAPS, coco_matches
from torchferry.errors import UserError


def test_a_true_box_is_found_once_by_the_highest_score_and_at_the_overlaps_that_it_reaches() -> None:
    boxes = np.array([[[0, 0, 10, 8], [0, 0, 10, 10], [50, 50, 60, 60]]], float)
    labels, scores = np.array([[0, 0, -1]]), np.array([[0.9, 0.8, 0]])
    found = coco_matches(boxes, labels, scores, np.array([[[0, 0, 10, 10.0]]]), np.array([[0]]))
    assert found[0, 0].tolist() == (OVERLAPS < 0.801).tolist()
    assert found[0, 1].tolist() == (OVERLAPS > 0.801).tolist()  # for which the first one is not near enough
    assert not found[0, 2].any()


def test_pictures_do_not_meet_and_may_be_empty() -> None:
    outputs, targets = some(8)
    rows = task().rows(outputs, targets)
    for place in range(8):
        one = task().rows(*({name: values[[place]] for name, values in each.items()} for each in (outputs, targets)))
        assert (one["right"][0] == rows["right"][place]).all()
    nothing = coco_matches(
        np.zeros((1, 2, 4)), np.full((1, 2), -1), np.zeros((1, 2)), np.zeros((1, 1, 4)), -np.ones((1, 1), int)
    )
    assert not nothing.any()


@pytest.mark.parametrize("side", [np.nan, np.inf])
def test_a_box_that_is_not_finite_finds_nothing(side: float) -> None:
    boxes = np.array([[[0, side, 10, 10], [0, 0, 10, 10]]], float)
    truth = np.array([[[0, 0, 10, 10.0]]]), np.array([[0]])
    for scores in (np.array([[0.9, 0.8]]), np.array([[np.nan, 0.8]])):
        found = coco_matches(boxes, np.zeros((1, 2), int), scores, *truth)
        assert found[0].all(axis=1).tolist() == [False, True]


def test_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.cocoeval", None)
    with pytest.raises(UserError, match="pycocotools, which is not installed"):
        task().rows(*some(1))
