"""A small detector without anchors to choose: one candidate at each point of a grid, of one or two strides."""

import math

import torch
from torch import nn

GROUPS = 8
PRIOR = 0.01
"""The score that every candidate begins with, because nearly all are background."""


class GridDetector(nn.Module):
    """[batch, channels, height, width] to boxes, logits and anchors of candidates, for task detection.

    A point answers the objects around it; its box grows and shrinks from one of `reach` strides. BatchNorm is left out,
    so that nothing depends on how a batch is shared.

    Args:
        classes: How many there are.
        channels: Of the picture: 1 for grey, 3 for colours.
        width: Channels of the first convolution; the others have two and four times as many.
        coarse: Whether a second grid, of half as many points each way, looks for larger objects.
        reach: Height and width of the box that a point starts from, in its strides of 4 and 8 pixels.
    """

    def __init__(
        self, classes: int = 10, channels: int = 1, width: int = 16, coarse: bool = False, reach: float = 4.0
    ) -> None:
        super().__init__()
        if min(classes, channels, width) < 1 or reach <= 0:
            raise ValueError(f"classes {classes}, channels {channels}, width {width}, reach {reach}: all are above 0")
        self.classes, self.reach = classes, reach
        self.stem = nn.Sequential(
            _layer(channels, width, 2), _layer(width, 2 * width, 2), _layer(2 * width, 4 * width), _layer(4 * width)
        )
        self.coarse = nn.Sequential(_layer(4 * width, 4 * width, 2), _layer(4 * width)) if coarse else None
        self.tower = nn.Sequential(_layer(4 * width), _layer(4 * width))
        self.score, self.box = nn.Conv2d(4 * width, classes, 3, padding=1), nn.Conv2d(4 * width, 4, 3, padding=1)
        nn.init.normal_(self.score.weight, std=0.01)
        assert self.score.bias is not None
        assert self.box.bias is not None
        nn.init.constant_(self.score.bias, -math.log((1 - PRIOR) / PRIOR))
        nn.init.normal_(self.box.weight, std=0.01)
        nn.init.zeros_(self.box.bias)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        grids = [(4, self.stem(pictures))]
        if self.coarse is not None:
            grids.append((8, self.coarse(grids[0][1])))
        found = [self._candidates(stride, grid) for stride, grid in grids]
        boxes, logits, anchors = (torch.cat(each, dim=1) for each in zip(*found, strict=True))
        if not self.training:
            boxes = within(boxes, pictures.shape[2], pictures.shape[3])
        return {"boxes": boxes, "logits": logits, "anchors": anchors}

    def _candidates(self, stride: int, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        features = self.tower(grid)
        logits = self.score(features).flatten(2).transpose(1, 2)
        anchors = _anchors(grid, stride, self.reach)
        sides = self.box(features).flatten(2).transpose(1, 2).float().clamp(-4.0, 4.0).exp() * (self.reach * stride / 2)
        middles = (anchors[:, :2] + anchors[:, 2:]) / 2
        boxes = torch.cat([middles - sides[..., :2], middles + sides[..., 2:]], dim=2)
        return boxes, logits, anchors.expand(grid.shape[0], -1, -1)


def within(boxes: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Cut off at the picture's sides."""
    ends = torch.tensor([width, height, width, height], dtype=boxes.dtype, device=boxes.device)
    return torch.minimum(boxes.clamp(min=0.0), ends)


def _layer(taken: int, given: int | None = None, stride: int = 1) -> nn.Sequential:
    given = given or taken
    return nn.Sequential(
        nn.Conv2d(taken, given, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(math.gcd(GROUPS, given), given),
        nn.ReLU(),
    )


def _anchors(grid: torch.Tensor, stride: int, reach: float) -> torch.Tensor:
    """[points, 4]: the box that each starts from."""
    rows, columns = (
        (torch.arange(count, dtype=torch.float32, device=grid.device) + 0.5) * stride for count in grid.shape[2:]
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    middles, half = torch.stack([x, y], dim=2).flatten(0, 1), reach * stride / 2
    return torch.cat([middles - half, middles + half], dim=1)
