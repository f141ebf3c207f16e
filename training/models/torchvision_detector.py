"""Torchvision's one-stage detectors with fixed shapes, so that they are trained, exported and batched as ours are.

Its own take lists of pictures and give lists of boxes, behind resizing and loops over pictures that no exporter takes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from torchferry.training.models.grid_detector import PRIOR, within

SURE = -1e-6
"""The largest logarithm of a score that has a logit."""


class TorchvisionDetector(nn.Module):
    """[batch, 3 or 1, height, width] to boxes, logits and anchors of candidates, for task detection.

    Its weights have torchvision's names, so that a file of theirs fits; with other classes `weights.skip` leaves out
    head.classification_head. Losses are the task's, not torchvision's.

    Args:
        name: ssdlite320_mobilenet_v3_large, ssd300_vgg16, retinanet_resnet50_fpn, retinanet_resnet50_fpn_v2 or
            fcos_resnet50_fpn.
        classes: How many there are, without the background.
        height: Of the pictures, as the source has them.
        width: As height.
        frozen_norm: Whether BatchNorm stays as the weights have it, as torchvision trains on published weights; false
            is for training from nothing. SSD's is always trained.
    """

    anchors: torch.Tensor

    def __init__(self, name: str, classes: int, height: int = 320, width: int = 320, frozen_norm: bool = True) -> None:
        super().__init__()
        from torchvision.models import detection

        if name not in NAMES:
            other = "; that is model.name faster_rcnn" if name.startswith("fasterrcnn") else ""
            raise ValueError(f"name {name} is none of {', '.join(NAMES)}{other}")
        self.kind, self.size = NAMES[name], (height, width)
        made = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=classes + (self.kind == "ssd"))
        self.backbone, self.head = made.backbone, made.head
        if self.kind == "ssd":
            begin_with_background(self.head.classification_head.module_list, classes + 1)
        elif frozen_norm:
            freeze_norms(self.backbone)
        coder = made.box_coder
        self.scales = () if self.kind == "fcos" else tuple(map(float, coder.weights))
        self.largest = 0.0 if self.kind == "fcos" else float(coder.bbox_xform_clip)
        self.register_buffer("anchors", self._anchors(made.anchor_generator), persistent=False)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.head(self._features(in_colours(pictures, self.size)))
        boxes = self._boxes(found["bbox_regression"].float())
        return {
            "boxes": boxes if self.training else within(boxes, *self.size),
            "logits": self._logits(found),
            "anchors": self.anchors.expand(pictures.shape[0], -1, -1),
        }

    def _features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        return list(self.backbone(pictures).values())

    @torch.no_grad()
    def _anchors(self, generator: nn.Module) -> torch.Tensor:
        """[candidates, 4], the same for each picture of this size."""
        from torchvision.models.detection.image_list import ImageList

        blank = torch.zeros(1, 3, *self.size)
        was = self.training
        features = self.eval()._features(blank)
        self.train(was)
        return generator(ImageList(blank, [self.size]), features)[0].clone()

    def _logits(self, found: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Whose sigmoid is the score."""
        logits = found["cls_logits"].float()
        if self.kind == "ssd":  # of all classes one, the first of them the background
            return logit_of(logits.log_softmax(dim=2)[:, :, 1:])
        if self.kind == "fcos":  # the geometric mean with how near to an object's middle the point is
            near = functional.logsigmoid(found["bbox_ctrness"].float())
            return logit_of((functional.logsigmoid(logits) + near) / 2)
        return logits

    def _boxes(self, codes: torch.Tensor) -> torch.Tensor:
        """[batch, candidates, 4], as torchvision's coders have them."""
        if self.kind != "fcos":
            return decoded(codes, self.anchors, self.scales, self.largest)
        sides = self.anchors[:, 2:] - self.anchors[:, :2]
        middles = (self.anchors[:, :2] + self.anchors[:, 2:]) / 2
        ways = codes * torch.cat([sides, sides], dim=1)
        return torch.cat([middles - ways[..., :2], middles + ways[..., 2:]], dim=2)


NAMES: Mapping[str, str] = {
    "ssdlite320_mobilenet_v3_large": "ssd",
    "ssd300_vgg16": "ssd",
    "retinanet_resnet50_fpn": "retinanet",
    "retinanet_resnet50_fpn_v2": "retinanet",
    "fcos_resnet50_fpn": "fcos",
}


def in_colours(pictures: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """[batch, 3, height, width], of grey ones too. Raises ValueError for pictures of another size."""
    if tuple(pictures.shape[2:]) != size:
        raise ValueError(f"pictures are {list(pictures.shape[2:])}, and height and width {list(size)}")
    return pictures.expand(-1, 3, -1, -1) if pictures.shape[1] == 1 else pictures


def decoded(codes: torch.Tensor, anchors: torch.Tensor, scales: Sequence[float], largest: float) -> torch.Tensor:
    """Boxes [..., 4] by how far they are from their anchors and how much larger, as torchvision's BoxCoder has it."""
    sides = anchors[..., 2:] - anchors[..., :2]
    middles = (anchors[..., :2] + anchors[..., 2:]) / 2
    across, down, width, height = scales
    moved = middles + torch.stack([codes[..., 0] / across, codes[..., 1] / down], dim=-1) * sides
    grown = torch.stack([codes[..., 2] / width, codes[..., 3] / height], dim=-1).clamp(max=largest).exp()
    return torch.cat([moved - grown * sides / 2, moved + grown * sides / 2], dim=-1)


def logit_of(logarithms: torch.Tensor) -> torch.Tensor:
    """Of scores by their logarithms."""
    known = logarithms.clamp(max=SURE)
    return known - torch.log1p(-known.exp())


@torch.no_grad()
def begin_with_background(levels: nn.Module, classes: int) -> None:
    """Nearly all candidates are; without this they begin with as high a score as an object's."""
    for level in levels.children():
        last = [each for each in level.modules() if isinstance(each, nn.Conv2d)][-1]
        assert last.bias is not None
        last.bias.view(-1, classes)[:, 0] = math.log((1 - PRIOR) / PRIOR)


def freeze_norms(module: nn.Module) -> None:
    from torchvision.ops import FrozenBatchNorm2d

    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen: Any = FrozenBatchNorm2d(child.num_features, eps=child.eps)
            setattr(module, name, frozen)
        else:
            freeze_norms(child)
