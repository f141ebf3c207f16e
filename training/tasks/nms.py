"""Non-maximum suppression in plain tensor operations: of fixed shapes and any batch, so that every exporter takes it
and no runtime needs an operator of its own."""

import torch

ROUNDS = 16
"""Of greedy suppression on all boxes at once. Boxes in any usual order need the logarithm of their number of them."""


def suppressed(boxes: torch.Tensor, labels: torch.Tensor, valid: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """float32 [batch, boxes], 1 for those that are kept: no box of their label before them that is kept overlaps them
    by more. `boxes` are [batch, boxes, 4], the best first, and `labels` and `valid` of the result's shape.

    A box is kept if none is that it could fall to. Asked of all boxes again and again, each answer is right once those
    are that it depends on.
    """
    later = torch.ones(boxes.shape[1], boxes.shape[1], device=boxes.device).triu(1)  # [before, after]
    alike = labels[:, :, None] == labels[:, None]
    falls = ((overlaps(boxes, boxes) > iou_threshold) & alike).to(torch.float32) * later
    kept = valid
    for _ in range(ROUNDS):
        kept = valid * (1.0 - (falls * kept[:, :, None]).amax(dim=1))
    return kept


def overlaps(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """[batch, boxes, others], 0..1: the area that both have over that which either has."""
    first, second = boxes[:, :, None], others[:, None]
    sides = (torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])).clamp(
        min=0.0
    )
    both = sides[..., 0] * sides[..., 1]
    return both / (area(first) + area(second) - both).clamp(min=1e-9)


def area(boxes: torch.Tensor) -> torch.Tensor:
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0.0)
    return sides[..., 0] * sides[..., 1]
