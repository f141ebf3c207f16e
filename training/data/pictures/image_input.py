"""The arguments that all image sources share, made into an ImageInput."""

import math
from collections.abc import Sequence
from typing import Literal

from torchferry.contract.image import CHANNELS
from torchferry.contract.resize import wrong
from torchferry.errors import UserError
from torchferry.training.data.arguments import WHAT, at_least
from torchferry.training.data.source import ImageInput

Mode = Literal["RGB", "L", "RGBA", "LA", "CMYK"]
Resize = Literal["squash", "crop", "pad"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Normalize = Literal["imagenet", "half", "none"]
Exif = Literal["apply", "ignore"]
Jpeg = Literal["full", "scaled"]
Constants = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and std per channel, of values scaled to 0..1."""

# For imagenet in grey it is the mean of the three, which keeps pretrained weights near their range.
_IMAGENET = {"RGB": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), "L": ((0.449,), (0.226,))}
_PLAIN = {"half": (0.5, 0.5), "none": (0.0, 1.0)}


def image_input(
    height: int,
    width: int,
    mode: Mode = "RGB",
    resize: Resize = "squash",
    fraction: float = 1.0,
    interpolation: Interpolation = "bilinear",
    antialias: bool = True,
    fill: list[int] | None = None,
    normalize: Normalize = "imagenet",
    mean: list[float] | None = None,
    std: list[float] | None = None,
    exif: Exif = "apply",
    jpeg: Jpeg = "full",
    what: str = WHAT,
) -> ImageInput:
    """What a recipe says of pictures, as the contract takes it.

    `what` is the recipe's key for these arguments. torchferry.contract.resize has the rules of resizing.
    Raises UserError for sizes below 1, lists that are not one value per channel, a std that is not positive, and words
    that do not go together.

    Args:
        height: Of the picture that the network takes, in pixels.
        width: As height.
        mode: RGB, L (grey), RGBA, LA or CMYK; files of other colours are converted, and are opaque without an alpha.
        resize: What becomes of a picture whose sides have another ratio: squash ignores it, crop cuts off what lies
            beyond the middle, pad shows the whole picture with bars beside it.
        fraction: 0.1 to 1: the share of the resized picture's side that is kept, around the middle; 0.875
            resizes to 256 and keeps 224.
        interpolation: How a picture of another size is resized: nearest, bilinear, bicubic, lanczos, box or hamming.
        antialias: false takes single pixels of a larger picture, as OpenCV does; for nearest, bilinear and bicubic.
        fill: The bars' colour of resize pad, 0 to 255 for each channel; null takes the mean.
        normalize: imagenet, half (values become -1..1) or none (0..1).
        mean: One value for each channel, of pixels scaled to 0..1; replaces that of `normalize`.
        std: As mean.
        exif: apply turns a picture upright as its EXIF orientation says, in training and on servers; ignore does not.
        jpeg: full, or scaled, which decodes JPEGs of twice the network's size and more at a half, a quarter or an
            eighth, which is faster and gives slightly other pixels, in training and on servers; export measures that.
    """
    at_least(1, what, height=height, width=width)
    means, deviations = _constants(normalize, mean, std, mode, what)
    _check_values(f"{what}.fill", fill, mode)
    made = ImageInput(
        mode=mode,
        height=height,
        width=width,
        resize=resize,
        fraction=fraction,
        interpolation=interpolation,
        antialias=antialias,
        fill=colour(means) if fill is None and resize == "pad" else tuple(fill or ()),
        mean=means,
        std=deviations,
        exif=exif,
        jpeg=jpeg,
    )
    if words := wrong(made):
        raise UserError(f"{what}.{words}")
    return made


def _constants(
    normalize: Normalize, mean: list[float] | None, std: list[float] | None, mode: Mode, what: str
) -> Constants:
    """As `normalize` names them, or as the lists say that replace one or both."""
    _check_values(f"{what}.mean", mean, mode)
    _check_values(f"{what}.std", std, mode)
    if std is not None and not min(std) > 0:
        raise UserError(f"{what}.std: {std} must be above 0")
    if mean is None or std is None:
        named_mean, named_std = _named(normalize, mode, what)
    return (
        named_mean if mean is None else tuple(map(float, mean)),
        named_std if std is None else tuple(map(float, std)),
    )


def _check_values(key: str, values: Sequence[float] | None, mode: Mode) -> None:
    """One for each channel, if they are given."""
    if values is not None and len(values) != CHANNELS[mode]:
        raise UserError(f"{key}: {values} has {len(values)} values; mode {mode} has {CHANNELS[mode]}")
    if values is not None and not all(map(math.isfinite, values)):
        raise UserError(f"{key}: {values} are not all finite")


def colour(mean: tuple[float, ...]) -> tuple[int, ...]:
    """Of what lies beside a picture, as timm fills its borders."""
    return tuple(min(255, max(0, round(255 * value))) for value in mean)


def _named(normalize: Normalize, mode: Mode, what: str) -> Constants:
    if normalize != "imagenet":
        mean, std = _PLAIN[normalize]
        return (mean,) * CHANNELS[mode], (std,) * CHANNELS[mode]
    if mode not in _IMAGENET:
        known = " and ".join(_IMAGENET)
        raise UserError(
            f"{what}.normalize: imagenet knows {known}, not {mode}; give half (-1..1), none (0..1), or mean and std"
        )
    return _IMAGENET[mode]
