"""What every data source gives: two data sets, the labels, and how a file becomes a sample."""

from dataclasses import dataclass
from typing import Literal

from torch.utils.data import Dataset


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """An image as the network takes it: uint8 [channels, height, width].

    A server decodes a file to exactly this; scaling and normalisation belong to the model.
    """

    mode: Literal["L", "RGB"]
    """Pillow's name for the colours: L is grey, one channel; RGB has three."""
    height: int
    width: int
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    """How an image of another size is resized."""
    mean: tuple[float, ...]
    """Per channel, of values scaled to 0..1."""
    std: tuple[float, ...]
    """Per channel, of values scaled to 0..1."""

    @property
    def shape(self) -> tuple[int, int, int]:
        return (3 if self.mode == "RGB" else 1, self.height, self.width)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Map-style data sets of (uint8 [channels, height, width], int64 class index)."""

    train: Dataset
    test: Dataset
    labels: tuple[str, ...]
    """The classes' names; a class index points into this."""
    input: ImageInput

    @property
    def train_size(self) -> int:
        return len(self.train)  # type: ignore[arg-type]  # map-style, so it has a length

    @property
    def test_size(self) -> int:
        return len(self.test)  # type: ignore[arg-type]
