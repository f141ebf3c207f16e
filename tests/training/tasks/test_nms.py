from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision.ops import batched_nms, box_iou

from torchferry.training.tasks.nms import BLOCK, overlaps, suppressed


def crowd(seed: int, spread: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    corners = torch.rand(3, 250, 2, generator=random) * spread
    boxes = torch.cat([corners, corners + 5 + torch.rand(3, 250, 2, generator=random) * 30], dim=2)
    scores = torch.rand(3, 250, generator=random).sort(dim=1, descending=True).values
    return boxes, torch.randint(0, 3, (3, 250), generator=random), scores


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("spread", [5.0, 40.0, 200.0])
def test_is_torchvisions(spread: float, threshold: float) -> None:
    boxes, labels, scores = crowd(1, spread)
    kept = suppressed(boxes, labels, torch.ones(3, 250), threshold)
    for place in range(3):
        theirs = batched_nms(boxes[place], scores[place], labels[place], threshold)
        assert kept[place].nonzero()[:, 0].tolist() == sorted(theirs.tolist())


def test_a_box_that_is_not_valid_suppresses_nothing() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]]])
    kept = suppressed(boxes, torch.zeros(1, 3, dtype=torch.int64), torch.tensor([[0.0, 1, 1]]), 0.5)
    assert kept.tolist() == [[0, 1, 0]]


def test_large_boxes_are_told_apart_in_half_precision() -> None:
    corners = (torch.rand(1, 50, 2, generator=torch.Generator().manual_seed(0)) * 100).round() * 4
    boxes = torch.cat([corners, corners + 400], dim=2)
    labels, valid = torch.zeros(1, 50, dtype=torch.int64), torch.ones(1, 50)
    kept = suppressed(boxes, labels, valid, 0.5)
    assert 1 < kept.sum() < 50
    assert torch.equal(suppressed(boxes.half(), labels, valid, 0.5), kept)


def test_overlaps_are_torchvisions() -> None:
    boxes, _, _ = crowd(2, 40.0)
    assert torch.allclose(overlaps(boxes, boxes[:, :20])[1], box_iou(boxes[1], boxes[1, :20]))


class Largest(TorchDispatchMode):
    """Remembers how many numbers the largest tensor has that is made."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **kwargs or {})
        self.numbers = max([self.numbers, *(each.numel() for each in tree_leaves(made) if torch.is_tensor(each))])
        return made


def test_memory_does_not_grow_with_the_square_of_boxes() -> None:
    boxes, labels = torch.rand(3, 5 * BLOCK, 4), torch.zeros(3, 5 * BLOCK, dtype=torch.int64)
    with Largest() as largest:
        suppressed(boxes, labels, torch.ones(3, 5 * BLOCK), 0.5)
    assert largest.numbers == 3 * 5 * BLOCK * BLOCK
