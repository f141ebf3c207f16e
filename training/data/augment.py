"""Augmentations of training images.

The three here work on whole batches, on any device; anything else goes by its import path and is
called with one image. All randomness is keyed by the sample (seeding.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build, one_line
from torchferry.training.data.seeding import seeded, uniforms
from torchferry.training.tasks.task import Targets, TrainingTask


class BatchTransform(Protocol):
    draws: int
    """How many random numbers each image needs."""

    def __call__(self, images: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
        """uint8 [batch, channels, height, width] and float32 [batch, draws] in 0..1 to images of the same shape."""


class HorizontalFlip:
    """Mirrors an image, left to right.

    Args:
        p: How probable that is for each image, 0..1.
    """

    draws = 1

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise UserError(f"horizontal_flip.p: {p} is not a probability")
        self.p = p

    def __call__(self, images: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
        return torch.where(random.view(-1, 1, 1, 1) < self.p, images.flip(-1), images)


class RandomCrop:
    """Shifts an image by up to `padding` pixels each way.

    Args:
        padding: The most pixels, 1 or more.
        mode: What comes in: constant is black, reflect is the image mirrored at its edge.
    """

    draws = 2

    def __init__(self, padding: int = 4, mode: str = "constant") -> None:
        if padding < 1 or mode not in ("constant", "reflect"):
            raise UserError(
                f"random_crop: padding {padding}, mode {mode}; padding is 1 or more, mode constant or reflect"
            )
        self.padding, self.mode = padding, mode

    def __call__(self, images: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = images.shape
        # reflect knows no uint8 on some devices; whole numbers below 256 survive float
        padded = functional.pad(images.float(), (self.padding,) * 4, mode=self.mode).to(images.dtype)
        offsets = (random * (2 * self.padding + 1)).long()
        device = images.device
        rows = offsets[:, :1] + torch.arange(height, device=device)
        columns = offsets[:, 1:] + torch.arange(width, device=device)
        return padded[
            torch.arange(count, device=device)[:, None, None, None],
            torch.arange(channels, device=device)[None, :, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]


class Rotation:
    """Turns an image about its centre; nearest pixel, corners black.

    Args:
        degrees: The most either way, above 0 and up to 180.
    """

    draws = 1

    def __init__(self, degrees: float) -> None:
        if not 0 < degrees <= 180:
            raise UserError(f"rotation.degrees: {degrees} is not between 0 and 180")
        self.degrees = degrees

    def __call__(self, images: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        angles = (2 * random[:, 0] - 1) * (self.degrees * torch.pi / 180)
        cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
        # Coordinates run from -1 to 1 on both axes, so a turn of an oblong image needs its proportions.
        rows = [torch.stack([cos, -sin * height / width, zero], 1), torch.stack([sin * width / height, cos, zero], 1)]
        grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        return functional.grid_sample(images.float(), grid, mode="nearest", align_corners=False).to(images.dtype)


AUGMENTATIONS: Mapping[str, Callable[..., BatchTransform]] = {
    "horizontal_flip": HorizontalFlip,
    "random_crop": RandomCrop,
    "rotation": Rotation,
}


class Augment:
    """The augmentations of a recipe, one after the other."""

    def __init__(self, components: Sequence[Component], seed: int) -> None:
        self.seed = seed
        self.transforms = [build(part, AUGMENTATIONS, f"data.augment[{i}]") for i, part in enumerate(components)]
        self.names = [part.name for part in components]

    @property
    def in_batches(self) -> bool:
        """Whether all of them work on whole batches, and so on any device."""
        return all(hasattr(transform, "draws") for transform in self.transforms)

    def __call__(
        self, images: torch.Tensor, targets: Targets, epoch: int, indices: np.ndarray, task: TrainingTask
    ) -> tuple[torch.Tensor, Targets]:
        """`images` are uint8 [batch, channels, height, width], of the samples `indices`, int64 [batch]. Targets that
        lie in the pictures are moved with them."""
        if task.moves:
            # Imported here, because it loads torchvision, which most runs do not need.
            from torchferry.training.data.moved_together import moved_together

            named = list(zip(self.names, self.transforms, strict=True))
            return moved_together(named, images, targets, task, (self.seed, epoch, indices))
        return self.images(images, epoch, indices), targets

    def images(self, images: torch.Tensor, epoch: int, indices: np.ndarray) -> torch.Tensor:
        """The pictures alone."""
        for number, (name, transform) in enumerate(zip(self.names, self.transforms, strict=True)):
            seed = self.seed + number  # so that two of one kind differ
            if hasattr(transform, "draws"):
                random = uniforms(seed, epoch, indices, transform.draws)
                images = transform(images, random.to(images.device, non_blocking=True))
            else:
                images = _one_by_one(name, transform, images, seed, epoch, indices)
        return images


def _one_by_one(
    name: str, transform: Callable[..., Any], images: torch.Tensor, seed: int, epoch: int, indices: np.ndarray
) -> torch.Tensor:
    changed = []
    for image, index in zip(images, indices.tolist(), strict=True):
        try:
            with seeded(seed, epoch, index):
                changed.append(transform(image))
        except Exception as error:  # whatever somebody's transform raises
            raise UserError(f"data.augment: {name} failed on sample {index}: {one_line(error)}") from error
        check_same(name, changed[-1], image)
    return torch.stack(changed)


def check_same(name: str, now: Any, image: torch.Tensor) -> None:
    """Raises UserError for another shape or datatype."""
    if not isinstance(now, torch.Tensor) or now.shape != image.shape or now.dtype != image.dtype:
        given = f"{now.dtype} {list(now.shape)}" if isinstance(now, torch.Tensor) else type(now).__name__
        raise UserError(f"data.augment: {name} gives {given} for uint8 {list(image.shape)}; it must stay that")
