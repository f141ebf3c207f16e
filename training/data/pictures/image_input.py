"""The arguments that all image sources share, made into an ImageInput."""

import math
from typing import Literal

from torchferry.errors import UserError
from torchferry.training.data.arguments import WHAT, at_least
from torchferry.training.data.source import ImageInput

Mode = Literal["RGB", "L"]
Interpolation = Literal["nearest", "bilinear", "bicubic"]
Normalize = Literal["imagenet", "half", "none"]
Exif = Literal["apply", "ignore"]
Constants = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and std per channel, of values scaled to 0..1."""

# One value for grey images. For imagenet it is the mean of the three, which keeps pretrained weights near their range.
_RGB = {"imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
_GREY = {"imagenet": (0.449, 0.226), "half": (0.5, 0.5), "none": (0.0, 1.0)}


def image_input(
    height: int,
    width: int,
    mode: Mode = "RGB",
    interpolation: Interpolation = "bilinear",
    normalize: Normalize | Constants = "imagenet",
    mean: list[float] | None = None,
    std: list[float] | None = None,
    exif: Exif = "apply",
    what: str = WHAT,
) -> ImageInput:
    """`normalize` names mean and std: imagenet, half (values become -1..1), none (0..1); lists given replace them.

    `exif` says whether pictures are turned upright as their EXIF orientation says, in training and by servers.
    A source whose data have constants of their own gives these instead of a name.
    `what` is the recipe's key for these arguments.
    Raises UserError for sizes below 1, lists that are not one value per channel, and a std that is not positive.
    """
    at_least(1, what, height=height, width=width)
    named_mean, named_std = _named(normalize, mode) if isinstance(normalize, str) else normalize
    channels = len(named_mean)
    for name, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) != channels:
            raise UserError(f"{what}.{name}: {values} has {len(values)} values; mode {mode} has {channels}")
        if values is not None and not all(map(math.isfinite, values)):
            raise UserError(f"{what}.{name}: {values} are not all finite")
    if std is not None and not min(std) > 0:
        raise UserError(f"{what}.std: {std} must be above 0")
    return ImageInput(
        mode=mode,
        height=height,
        width=width,
        interpolation=interpolation,
        mean=named_mean if mean is None else tuple(map(float, mean)),
        std=named_std if std is None else tuple(map(float, std)),
        exif=exif,
    )


def _named(normalize: Normalize, mode: Mode) -> Constants:
    if mode == "RGB" and normalize in _RGB:
        return _RGB[normalize]
    channels = 3 if mode == "RGB" else 1
    mean, std = _GREY[normalize]
    return (mean,) * channels, (std,) * channels
