"""Torchvision's Faster R-CNN with fixed shapes: a number of regions is looked at again in each picture, whatever it
shows, so that pictures are trained, exported and batched together."""

import math
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from torchferry.training.models.grid_detector import PRIOR, within
from torchferry.training.models.torchvision_detector import decoded, freeze_norms, in_colours, logit_of
from torchferry.training.tasks.nms import suppressed

NAMES = (
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
)
NEVER = -200.0
"""The logit of what is no candidate; its score is 0 in float32 too."""
SMALLEST_REGION, SMALLEST = 1e-3, 1e-2
"""Sides in pixels, as torchvision has them, of a region and of an object."""


class FasterRCNN(nn.Module):
    """[batch, 3 or 1, height, width] to boxes of each class, logits and anchors of the regions, for task detection.

    What the first stage gives for every anchor is in first_boxes, first_logits and first_anchors, which task_aligned
    learns as well. Its weights have torchvision's names, so that a file of theirs fits; with other classes
    `weights.skip` leaves out roi_heads.box_predictor. Losses are the task's, not torchvision's.

    Args:
        name: fasterrcnn_resnet50_fpn, fasterrcnn_resnet50_fpn_v2, fasterrcnn_mobilenet_v3_large_fpn or
            fasterrcnn_mobilenet_v3_large_320_fpn.
        classes: How many there are, without the background.
        height: Of the pictures, as the source has them.
        width: As height.
        regions: So many are looked at again, those that look most like an object, whatever their score. Torchvision
            takes 1,000, or 150 with MobileNet; time and memory grow with them.
        frozen_norm: Whether BatchNorm stays as the weights have it, as torchvision trains on published weights; false
            is for training from nothing.
    """

    anchors: torch.Tensor

    def __init__(
        self,
        name: str,
        classes: int,
        height: int = 320,
        width: int = 320,
        regions: int = 300,
        frozen_norm: bool = True,
    ) -> None:
        super().__init__()
        from torchvision.models import detection

        if name not in NAMES:
            raise ValueError(f"name {name} is none of {', '.join(NAMES)}")
        if regions < 1:
            raise ValueError(f"regions {regions}: at least 1 is looked at again")
        self.classes, self.size, self.regions = classes, (height, width), regions
        made = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=classes + 1)
        self.backbone, self.rpn, self.roi_heads = made.backbone, made.rpn, made.roi_heads
        # Nearly all regions and anchors show no object.
        nn.init.constant_(self.roi_heads.box_predictor.cls_score.bias[:1], math.log((1 - PRIOR) / PRIOR))
        nn.init.constant_(self.rpn.head.cls_logits.bias, -math.log((1 - PRIOR) / PRIOR))
        if frozen_norm:
            freeze_norms(self)
        anchors, self.per_level, self.scales = self._shapes()
        self.register_buffer("anchors", anchors, persistent=False)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.backbone(in_colours(pictures, self.size))
        logits, codes = (
            _candidates(each, last) for each, last in zip(self.rpn.head([*features.values()]), (1, 4), strict=True)
        )
        found = decoded(codes, self.anchors, self.rpn.box_coder.weights, self.rpn.box_coder.bbox_xform_clip)
        first = {
            "first_boxes": found,
            "first_logits": logits,
            "first_anchors": self.anchors.expand(pictures.shape[0], -1, -1),
        }
        regions, is_region = self._regions(logits.detach().sigmoid()[:, :, 0], found.detach())
        return self._second_stage(features, regions, is_region) | first

    @torch.no_grad()
    def _shapes(self) -> tuple[torch.Tensor, list[int], list[float]]:
        """Anchors [candidates, 4], the same for each picture of this size, how many each level has, and a level's side
        as part of the picture's."""
        from torchvision.models.detection.image_list import ImageList

        blank = torch.zeros(1, 3, *self.size)
        was = self.training
        features = self.eval().backbone(blank)
        self.train(was)
        per_location = self.rpn.anchor_generator.num_anchors_per_location()
        counts = [each * level[0, 0].numel() for each, level in zip(per_location, features.values(), strict=True)]
        scales = [2.0 ** round(math.log2(features[name].shape[2] / self.size[0])) for name in self._pooled(features)]
        return self.rpn.anchor_generator(ImageList(blank, [self.size]), [*features.values()])[0].clone(), counts, scales

    def _pooled(self, features: Mapping[str, torch.Tensor]) -> list[str]:
        return [name for name in self.roi_heads.box_roi_pool.featmap_names if name in features]

    def _regions(self, scores: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[batch, regions, 4], those with the highest scores that do not overlap others of their level, and bool
        [batch, regions], false for what only fills up."""
        batch, most, levels = boxes.shape[0], self.regions, len(self.per_level)
        of_levels = zip(scores.split(self.per_level, dim=1), boxes.split(self.per_level, dim=1), strict=True)
        best = [_best(*each, most) for each in of_levels]
        scores, boxes = torch.cat([each for each, _ in best], dim=1), torch.cat([each for _, each in best], dim=1)
        boxes = within(boxes, *self.size)
        valid = (((boxes[..., 2:] - boxes[..., :2]) >= SMALLEST_REGION).all(dim=2) & (scores >= 0)).to(torch.float32)
        apart = boxes.reshape(batch * levels, most, 4), valid.reshape(batch * levels, most)
        kept = suppressed(apart[0], torch.zeros_like(apart[1]), apart[1], self.rpn.nms_thresh).view(
            batch, levels * most
        )
        found, places = torch.where(kept > 0, scores, -1.0).topk(most, dim=1)
        return boxes.gather(1, places[:, :, None].expand(-1, -1, 4)), found >= 0

    def _second_stage(
        self, features: Mapping[str, torch.Tensor], regions: torch.Tensor, is_region: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        scores, codes = self.roi_heads.box_predictor(self.roi_heads.box_head(self._cut_out(features, regions)))
        coder = self.roi_heads.box_coder
        codes = codes.view(-1, self.regions, self.classes + 1, 4)[:, :, 1:]
        boxes = decoded(codes, regions[:, :, None], coder.weights, coder.bbox_xform_clip)
        logits = logit_of(scores.view(-1, self.regions, self.classes + 1).log_softmax(dim=2)[:, :, 1:])
        logits = logits.masked_fill(~is_region[:, :, None], NEVER)
        if not self.training:
            boxes = within(boxes, *self.size)
            is_small = ((boxes[..., 2:] - boxes[..., :2]) < SMALLEST).any(dim=3)
            logits = logits.masked_fill(is_small, NEVER)
        return {"boxes": boxes, "logits": logits, "anchors": regions}

    def _cut_out(self, features: Mapping[str, torch.Tensor], regions: torch.Tensor) -> torch.Tensor:
        """[batch x regions, channels, 7, 7], each from the level that suits its size."""
        from torchvision.ops import roi_align

        pool = self.roi_heads.box_roi_pool
        number = torch.arange(regions.shape[0], device=regions.device, dtype=regions.dtype)
        boxes = torch.cat([number[:, None, None].expand(-1, self.regions, 1), regions], dim=2).flatten(0, 1)
        # Of each side alone: an area may be more than half precision has.
        side = (boxes[:, 3] - boxes[:, 1]).sqrt() * (boxes[:, 4] - boxes[:, 2]).sqrt()
        level = (pool.canonical_level + (side / pool.canonical_scale).log2() + 1e-6).floor()
        lowest, highest = (-math.log2(scale) for scale in (self.scales[0], self.scales[-1]))
        place = (level.clamp(lowest, highest) - lowest)[:, None, None, None]
        chosen, *others = (
            roi_align(features[name], boxes, pool.output_size, scale, pool.sampling_ratio)
            for name, scale in zip(self._pooled(features), self.scales, strict=True)
        )
        for which, cut in enumerate(others, 1):
            chosen = torch.where(place == which, cut, chosen)
        return chosen


def _candidates(levels: list[torch.Tensor], last: int) -> torch.Tensor:
    """[batch, candidates, last] of what a head gives for each level, [batch, anchors x last, height, width]."""
    flat = [each.unflatten(1, (-1, last)).permute(0, 3, 4, 1, 2).flatten(1, 3) for each in levels]
    return torch.cat(flat, dim=1).float()


def _best(scores: torch.Tensor, boxes: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one level; where it has fewer they are filled up, with scores of -1."""
    count = min(most, scores.shape[1])
    found, places = scores.topk(count, dim=1)
    chosen = boxes.gather(1, places[:, :, None].expand(-1, -1, 4))
    missing = most - count
    return functional.pad(found, (0, missing), value=-1.0), functional.pad(chosen, (0, 0, 0, missing))
