"""A small U-Net for segmentation (Ronneberger, Fischer and Brox 2015, arXiv:1505.04597), padded so that sizes stay."""

import torch
from torch import nn
from torch.nn import functional


class UNet(nn.Module):
    """[batch, channels, height, width] to logits [batch, classes, height, width].

    Args:
        classes: How many there are, one output for each and pixel.
        channels: Of the picture: 1 for grey, 3 for RGB.
        width: Channels of the first level; each one below has twice as many.
        levels: How often the picture is halved; its sides are multiples of 2 to the power of that.
    """

    def __init__(self, classes: int, channels: int = 3, width: int = 16, levels: int = 3) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels + 1)]
        self.levels = levels
        self.down = nn.ModuleList(
            _block(before, after) for before, after in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            _block(below + beside, beside) for below, beside in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if any(side % 2**self.levels for side in images.shape[-2:]):
            least, shape = 2**self.levels, list(images.shape[-2:])
            raise ValueError(f"the picture is {shape}; sides are multiples of {least}, 2 to the power of levels")
        kept: list[torch.Tensor] = []
        for block in self.down:
            kept.append(images := block(functional.max_pool2d(images, 2) if kept else images))
        kept.pop()
        for block in self.up:
            larger = functional.interpolate(images, scale_factor=2.0, mode="nearest")
            images = block(torch.cat([larger, kept.pop()], dim=1))
        return self.head(images)


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )
