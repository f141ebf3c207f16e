"""The arguments of sources whose pictures are arrays of one size already, made into an ImageInput."""

from dataclasses import dataclass

from torchferry.training.data.pictures.image_input import (
    Constants,
    Exif,
    Interpolation,
    Mode,
    Normalize,
    Resize,
    image_input,
)
from torchferry.training.data.source import ImageInput


@dataclass(frozen=True, kw_only=True)
class ArrayPictures:
    """What a recipe says of them: how the network takes them, and how a server resizes what it is sent.

    Args:
        normalize: imagenet, half (values become -1..1) or none (0..1); null takes mean and std of the pictures to
            train on.
        mean: One value for each channel, of pixels scaled to 0..1; replaces that of `normalize`.
        std: As mean.
        resize: squash, crop or pad, for pictures of another size that a server is sent.
        interpolation: How such a picture is resized: nearest, bilinear, bicubic, lanczos, box or hamming.
    """

    normalize: Normalize | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"

    @property
    def is_fitted(self) -> bool:
        """Whether the mean or the std is that of the pictures to train on."""
        return self.normalize is None and (self.mean is None or self.std is None)

    def input(self, height: int, width: int, mode: Mode, own: Constants | None, exif: Exif = "apply") -> ImageInput:
        """`own` are mean and std of the pictures to train on, which are asked for if `is_fitted`.

        Raises UserError as image_input does.
        """
        mean, std = self.mean, self.std
        if self.is_fitted and own is not None:
            mean = list(own[0]) if mean is None else mean
            std = list(own[1]) if std is None else std
        return image_input(
            height,
            width,
            mode,
            self.resize,
            interpolation=self.interpolation,
            normalize=self.normalize or "imagenet",  # which is not looked at where both lists are there
            mean=mean,
            std=std,
            exif=exif,
        )
