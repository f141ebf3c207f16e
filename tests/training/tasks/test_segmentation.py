"""Segmentation in training: losses over pixels, masks that cannot be, and what is drawn."""

import numpy as np
import pytest
import torch
from torch import nn

from torchferry.contract.tasks.segmentation import Segmentation as Contract
from torchferry.errors import UserError
from torchferry.training.data.digit_scenes import digit_scenes
from torchferry.training.tasks import half_of, task_for
from torchferry.training.tasks.segmentation import Segmentation
from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.losses import build_loss


@pytest.fixture(scope="module")
def task() -> Segmentation:
    source = digit_scenes(train_scenes=4, test_scenes=2, size=16, smallest=8, largest=12, targets="masks")
    made = task_for("segmentation", {}, source)
    assert isinstance(made, Segmentation)
    return made


def test_outputs_are_a_number_for_each_class_and_pixel(task: Segmentation) -> None:
    task.check_outputs(torch.zeros(2, 11, 16, 16), 2)
    task.check_outputs({"out": torch.zeros(2, 11, 16, 16)}, 2)
    with pytest.raises(UserError, match=r"gives \[11, 8, 8\] per sample, not \[11, 16, 16\]"):
        task.check_outputs(torch.zeros(2, 11, 8, 8), 2)


def test_ignored_pixels_are_neither_learnt_nor_judged(task: Segmentation) -> None:
    logits, masks = torch.randn(3, 11, 16, 16), torch.randint(0, 11, (3, 16, 16), dtype=torch.uint8)
    masks[0, :8] = 255
    masks[1] = 255
    loss = build_loss(None, task)
    assert isinstance(loss, DividedLoss)
    given = loss(*task.for_loss(logits, masks)) / loss.divisor(masks)

    assert given.item() == pytest.approx(nn.CrossEntropyLoss(ignore_index=255)(logits, masks.long()).item(), rel=1e-5)
    assert task.test_loss(logits, masks).isfinite()


def test_a_batch_has_the_loss_of_its_parts(task: Segmentation) -> None:
    """Whatever pixels are ignored in each."""
    logits, masks = torch.randn(4, 11, 16, 16), torch.randint(0, 11, (4, 16, 16), dtype=torch.uint8)
    masks[:2, 3:] = 255
    loss = build_loss(None, task)
    assert isinstance(loss, DividedLoss)
    halves = [loss(*task.for_loss(logits[part], masks[part])) for part in (slice(0, 2), slice(2, 4))]

    assert torch.allclose(sum(halves), loss(*task.for_loss(logits, masks)), rtol=1e-4)


def test_a_mask_with_another_class_is_told(task: Segmentation) -> None:
    masks = torch.zeros(3, 16, 16, dtype=torch.uint8)
    masks[0, 0, 0] = 255
    assert task.wrong_targets(masks) is None
    masks[2, 5, 5] = 11
    assert task.wrong_targets(masks) == (
        2, "has a mask with 11; there are 11 labels, 0 to 10, and ignore_index 255"
    )  # fmt: skip


def test_the_graph_gives_classes(task: Segmentation) -> None:
    logits = torch.randn(2, 11, 16, 16)

    given = task.graph({"out": logits})

    assert isinstance(given, torch.Tensor)
    assert given.dtype == torch.uint8
    assert torch.equal(given.long(), logits.argmax(dim=1))


def test_a_picture_is_drawn_with_the_classes_over_it(task: Segmentation) -> None:
    mask = np.zeros((16, 16), np.uint8)
    mask[4:] = 3
    grey = np.full((16, 16, 1), 100, np.uint8)

    drawn = task.drawn(grey, {"classes": mask}, mask)

    assert drawn.shape == (16, 16, 3)
    assert (drawn[:4] == 100).all()
    assert (drawn[4:, :, 0] != 100).all()
    assert task.caption({"classes": mask}, mask) == ("IoU 1.00\npixels 100.0%", False)
    assert task.caption({"classes": mask}, 1 - mask.clip(0, 1))[1]


def test_labels_are_counted_in_a_given_networks_outputs() -> None:
    given = half_of(Contract(labels=()))
    assert given.picked({"out": 1, "aux": 2}) == 1
    assert given.picked({"logits": 1}) is None
    assert given.labels_in(torch.zeros(2, 21, 8, 8), "--task") == 21
    with pytest.raises(UserError, match="--task: needs one output of"):
        given.labels_in(torch.zeros(2, 21), "--task")


def test_tables_and_classes_are_not_segmented() -> None:
    source = digit_scenes(train_scenes=4, test_scenes=2, size=16, smallest=8, largest=12, targets="labels")
    with pytest.raises(UserError, match=r"takes masks, data\.source gives labels"):
        task_for("segmentation", {}, source)
