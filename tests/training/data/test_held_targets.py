"""Targets that are known before training are looked at before a step is taken."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tests.training import tiny
from tests.training.data.pictures.boxed import coco_content, coco_tree
from torchferry.errors import UserError
from torchferry.training.data import SOURCES
from torchferry.training.data.held_apart import Part
from torchferry.training.data.held_targets import check_any, check_held

NONE, MASK = frozenset[str](), torch.full((2, 4, 4), 255, dtype=torch.uint8)


def held(targets: torch.Tensor) -> TensorDataset:
    return TensorDataset(torch.zeros(len(targets), 3), targets)


def test_a_target_that_cannot_be_is_told_with_its_sample() -> None:
    check_held(held(torch.tensor([0, 2])), "training", tiny.task())
    with pytest.raises(UserError, match=r"^data.source: test sample 1 has class 3, but there are 3 labels"):
        check_held(held(torch.tensor([0, 3])), "test", tiny.task())


@pytest.mark.parametrize(
    ("task", "targets", "words"),
    [
        (tiny.task(), torch.zeros(4), r"has a target of float32 \[\]; a class is int64 \[\]"),
        (tiny.task("regression", 1), torch.zeros(4), r"has a target of float32 \[\]; it is a float for each of 1 lab"),
        (tiny.task("multilabel"), torch.ones(4, 2), r"has a target of float32 \[2\]; it is 0 or 1 for each of 3 lab"),
        (tiny.task("segmentation"), torch.zeros(4, 2, 2), r"has a target of float32 \[2, 2\]; a mask is uint8"),
    ],
)
def test_a_target_of_another_shape_is_told(task: tiny.TrainingTask, targets: torch.Tensor, words: str) -> None:
    with pytest.raises(UserError, match=rf"^data.source: training sample 0 {words}"):
        check_held(held(targets), "training", task)


def test_a_set_of_which_no_sample_has_a_target_is_refused() -> None:
    for task, targets, words in (
        (tiny.task("segmentation"), MASK, "has a pixel that is not ignore_index 255"),
        (tiny.task("multilabel"), torch.zeros(2, 3, dtype=torch.uint8), "has a label"),
    ):
        with pytest.raises(UserError, match=f"^data.source: no training sample {words}, so nothing can be learnt"):
            check_held(held(targets), "training", task)


def test_lists_of_files_are_known_too_and_parts_of_them(tmp_path: Path) -> None:
    content = coco_content()
    path = coco_tree(tmp_path, content)
    found = SOURCES["coco"](annotations=str(path), test_fraction=0, height=48, width=96, mode="L")
    task, split = tiny.task("detection", 2), "test"

    check_held(found.test, split, task)
    check_held(Part(found.test, np.array([0, 3])), split, task)
    for empty in (Part(found.test, np.array([0])), Part(Part(found.test, np.array([2, 0])), np.array([1]))):
        with pytest.raises(UserError, match="no test sample has an object, so nothing can be judged"):
            check_held(empty, split, task)


def test_one_batch_that_has_it_is_enough() -> None:
    asked = iter([frozenset({"a", "b"}), NONE, frozenset({"never asked"})])

    check_any(asked, "training")
    check_any([], "training")
    check_any([frozenset({"a"}), frozenset({"b"})], "training")

    assert next(asked) == {"never asked"}
    with pytest.raises(UserError, match="no training sample has a, so nothing can be learnt"):
        check_any([frozenset({"a", "b"}), frozenset({"a"})], "training")
