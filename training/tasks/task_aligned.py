"""The loss of detectors: which candidates a true box is learnt by is decided by how well they answer it already.

Feng et al. 2021, "TOOD: Task-aligned One-stage Object Detection", arXiv:2108.07755, with the quality focal loss of Li
et al. 2020, arXiv:2006.04388, and the generalised IoU of Rezatofighi et al. 2019, arXiv:1902.09630. It takes every
detector that gives boxes and logits for candidates, whatever anchors it has.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from torchferry.training.tasks.nms import area, overlap, overlaps

SCORE, OVERLAP = 0.5, 6.0
"""Exponents of a candidate's score and of its overlap with the true box, in how well it answers."""

RAW = ("boxes", "logits", "anchors")
"""What a detector gives for its candidates."""

Tensors = Mapping[str, torch.Tensor]


class TaskAlignedLoss(nn.Module):
    """The mean over the pictures of what each costs, so that it is the same at any number of ranks. A picture without
    objects counts like the others.

    Args:
        box_weight: How much a box counts beside its score.
        candidates: So many candidates learn a true box.
    """

    def __init__(self, box_weight: float = 2.0, candidates: int = 10) -> None:
        super().__init__()
        if box_weight <= 0 or candidates < 1:
            raise ValueError(f"box_weight {box_weight}, candidates {candidates}: they are above 0")
        self.box_weight, self.candidates = box_weight, candidates

    def forward(self, outputs: Tensors, targets: Tensors) -> torch.Tensor:
        return picture_losses(outputs, targets, self.box_weight, self.candidates).mean()


def picture_losses(outputs: Tensors, targets: Tensors, box_weight: float = 2.0, candidates: int = 10) -> torch.Tensor:
    """float32 [pictures]. `outputs` are logits [pictures, candidates, classes], boxes [pictures, candidates, 4], or
    [pictures, candidates, classes, 4] with one for each class, and anchors [pictures, candidates, 4]; `targets` boxes
    [pictures, objects, 4] and labels [pictures, objects], -1 where there is none.

    What a first stage gives, in first_boxes, first_logits and first_anchors, is learnt too, as of one class.
    """
    losses = _stage(outputs, targets["boxes"].float(), targets["labels"], box_weight, candidates)
    if first := {name: outputs[f"first_{name}"] for name in RAW if f"first_{name}" in outputs}:
        losses = losses + _stage(
            first, targets["boxes"].float(), targets["labels"].clamp(max=0), box_weight, candidates
        )
    return losses


def _stage(
    outputs: Tensors, true_boxes: torch.Tensor, labels: torch.Tensor, box_weight: float, candidates: int
) -> torch.Tensor:
    logits, boxes = outputs["logits"].float(), outputs["boxes"].float()
    with torch.no_grad():
        shared = _overlap(true_boxes, labels, boxes)
        chosen, quality = _assigned(logits, shared, outputs["anchors"].float(), true_boxes, labels, candidates)
        owner = chosen.int().argmax(dim=1)  # [pictures, candidates]: which object, where there is one
        is_chosen = chosen.any(dim=1)
        classes = labels.clamp(min=0).gather(1, owner)
        wanted = functional.one_hot(classes, logits.shape[2]) * quality[:, :, None]
        wanted_boxes = true_boxes.gather(1, owner[:, :, None].expand(-1, -1, 4))
    if boxes.dim() == 4:
        boxes = boxes.gather(2, classes[:, :, None, None].expand(-1, -1, 1, 4))[:, :, 0]
    focal = (wanted - logits.sigmoid()).abs().square()
    scores = (functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * focal).sum(dim=(1, 2))
    apart = ((1 - _generalized(boxes, wanted_boxes)) * is_chosen).sum(dim=1)
    return scores / quality.sum(dim=1).clamp(min=1.0) + box_weight * apart / is_chosen.sum(dim=1).clamp(min=1)


def _overlap(true_boxes: torch.Tensor, labels: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """[pictures, objects, candidates]; of a candidate with a box for each class that of the object's."""
    if boxes.dim() == 3:
        return overlaps(true_boxes, boxes)
    which = labels.clamp(min=0)[:, :, None, None].expand(-1, -1, boxes.shape[1], 4)
    return overlap(true_boxes[:, :, None], boxes.transpose(1, 2).gather(1, which))


def _assigned(
    logits: torch.Tensor,
    overlap: torch.Tensor,
    anchors: torch.Tensor,
    true_boxes: torch.Tensor,
    labels: torch.Tensor,
    most: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """bool [pictures, objects, candidates], each candidate's object, and float [pictures, candidates], the score that
    it is to have: the best one's is its overlap, the others' less."""
    is_real = (labels >= 0)[:, :, None]
    which = labels.clamp(min=0)[:, :, None].expand(-1, -1, logits.shape[1])
    score = logits.sigmoid().transpose(1, 2).gather(1, which)
    near, inside = _places(anchors, true_boxes)
    answers = score**SCORE * overlap.clamp(min=0.0) ** OVERLAP * inside
    # While none answers at all, the nearest do.
    best = (answers + 1e-9 * near * inside).topk(min(most, overlap.shape[2]), dim=2).indices
    chosen = torch.zeros_like(inside).scatter_(2, best, 1.0).bool() & (inside > 0) & is_real
    # One that several objects have chosen is for the one that it overlaps most.
    owner = torch.where(chosen, overlap, -1.0).argmax(dim=1, keepdim=True)
    chosen &= torch.zeros_like(chosen).scatter_(1, owner, True)
    answers = answers * chosen
    largest = (overlap * chosen).amax(dim=2, keepdim=True)
    quality = answers / answers.amax(dim=2, keepdim=True).clamp(min=1e-12) * largest
    return chosen, quality.amax(dim=1)


def _places(anchors: torch.Tensor, true_boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[pictures, objects, candidates]: how near a candidate's middle is to the object's, 0..1, and 1 for those within
    its box; for an object between all candidates, for the nearest one."""
    middles = (anchors[..., :2] + anchors[..., 2:]) / 2
    ways = middles[:, None] - ((true_boxes[..., :2] + true_boxes[..., 2:]) / 2)[:, :, None]
    near = 1 / (1 + ways.square().sum(dim=3))
    half = ((true_boxes[..., 2:] - true_boxes[..., :2]) / 2)[:, :, None]
    inside = (ways.abs() < half).all(dim=3).float()
    return near, inside.scatter(2, near.argmax(dim=2, keepdim=True), 1.0)


def _generalized(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Of each pair, -1..1: the overlap, less the share of the box around both that neither fills."""
    sides = (torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2])).clamp(
        min=0.0
    )
    both = sides[..., 0] * sides[..., 1]
    either = (area(boxes) + area(others) - both).clamp(min=1e-9)
    outer = torch.maximum(boxes[..., 2:], others[..., 2:]) - torch.minimum(boxes[..., :2], others[..., :2])
    around = (outer[..., 0] * outer[..., 1]).clamp(min=1e-9)
    return both / either - (around - either) / around
