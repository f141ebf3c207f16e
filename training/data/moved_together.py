"""Augmentations of pictures whose targets lie in them: torchvision's transforms move masks and boxes as the picture."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.augment import HorizontalFlip, RandomCrop, Rotation, check_same
from torchferry.training.data.seeding import seeded
from torchferry.training.tasks.task import Targets, TrainingTask


def moved_together(
    transforms: Sequence[tuple[str, Any]],
    images: torch.Tensor,
    targets: Targets,
    task: TrainingTask,
    draw: tuple[int, int, np.ndarray],
) -> tuple[torch.Tensor, Targets]:
    """The batch after the named transforms, sample by sample. `draw`: seed, epoch and the samples' indices, which their
    randomness depends on alone. Raises UserError for a transform that does not take them."""
    seed, epoch, indices = draw
    pictures, moved = [], []
    for place, (image, index) in enumerate(zip(images, indices.tolist(), strict=True)):
        sample: Any = tv_tensors.Image(image), task.marked(task.taken(targets, place))
        for number, (name, transform) in enumerate(transforms):
            try:
                with seeded(seed + number, epoch, index):
                    sample = _of_torchvision(transform, image, task.fill)(*sample)
            except Exception as error:  # whatever somebody's transform raises
                raise UserError(f"data.augment: {name} failed on sample {index}: {one_line(error)}") from error
            check_same(name, sample[0], image)
        pictures.append(sample[0].as_subclass(torch.Tensor))
        moved.append(task.unmarked(sample[1]))
    return torch.stack(pictures), task.batched(moved)


def _of_torchvision(transform: Any, image: torch.Tensor, fill: int) -> Callable[..., Any]:
    """One of ours as torchvision's, whose masks have `fill` where the picture has black; anything else as it is."""
    around = {tv_tensors.Image: 0, tv_tensors.Mask: fill}
    if isinstance(transform, HorizontalFlip):
        return v2.RandomHorizontalFlip(transform.p)
    if isinstance(transform, RandomCrop):
        size = tuple(image.shape[-2:])
        return v2.RandomCrop(size, padding=transform.padding, padding_mode=transform.mode, fill=around)
    return v2.RandomRotation(transform.degrees, fill=around) if isinstance(transform, Rotation) else transform
