"""Non-maximum suppression in plain tensor operations: of fixed shapes and any batch, so that every exporter takes it
and no runtime needs an operator of its own."""

import torch

BLOCK = 100
"""Boxes that are decided at once: the memory for a picture grows with its boxes, not with their square."""
ROUNDS = 16
"""Of greedy suppression on all boxes of a block. In any usual order they need the logarithm of their number of them."""

UNIT = 64.0
"""Pixels: areas in squares of it are numbers of half precision too, and as exact, since it is a power of two."""


def suppressed(boxes: torch.Tensor, labels: torch.Tensor, valid: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """float32 [batch, boxes], 1 for those that are kept: no box of their label before them that is kept overlaps them
    by more. `boxes` are [batch, boxes, 4], the best first, and `labels` and `valid` of the result's shape.

    Of each block first those fall that a kept box of an earlier block overlaps; then its boxes are decided among
    themselves.
    """
    boxes, kept = boxes / UNIT, valid[:, :0]
    for start in range(0, boxes.shape[1], BLOCK):
        block = slice(start, min(start + BLOCK, boxes.shape[1]))
        alike = labels[:, : block.stop, None] == labels[:, None, block]
        falls = ((overlaps(boxes[:, : block.stop], boxes[:, block]) > iou_threshold) & alike).to(torch.float32)
        left = valid[:, block]
        if start:
            left = left * (1.0 - (falls[:, :start] * kept[:, :, None]).amax(dim=1))
        kept = torch.cat([kept, _decided(falls[:, start:], left)], dim=1)
    return kept


def _decided(falls: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """A box is kept if none is that it could fall to: `falls` is [batch, before, after]. Asked of all boxes again and
    again, each answer is right once those are that it depends on."""
    earlier = falls * torch.ones(falls.shape[1:], device=falls.device).triu(1)
    kept = valid
    for _ in range(ROUNDS):
        kept = valid * (1.0 - (earlier * kept[:, :, None]).amax(dim=1))
    return kept


def overlaps(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """[batch, boxes, others] of each with each."""
    return overlap(boxes[:, :, None], others[:, None])


def overlap(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """[...] of boxes [..., 4], 0..1: the area that both have over that which either has."""
    both = _shared(boxes, others, 0) * _shared(boxes, others, 1)
    return both / (area(boxes) + area(others) - both).clamp(min=1e-9)


def _shared(boxes: torch.Tensor, others: torch.Tensor, axis: int) -> torch.Tensor:
    """How much of the axis both have, 0 across and 1 down."""
    ends = torch.minimum(boxes[..., axis + 2], others[..., axis + 2])
    return (ends - torch.maximum(boxes[..., axis], others[..., axis])).clamp(min=0.0)


def area(boxes: torch.Tensor) -> torch.Tensor:
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0.0)
    return sides[..., 0] * sides[..., 1]
