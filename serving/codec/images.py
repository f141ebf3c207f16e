"""Image files in requests: decoded by the contract, with the errors that each protocol has a status for."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from torchferry.contract.image import ImageSpec, NotAnImage, TooManyPixels, placed_image, upright_image
from torchferry.contract.image import count_pixels as counted
from torchferry.contract.placement import Placement
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.sample_cost import Cost, most_elements
from torchferry.serving.errors import NotDecodable, TooLarge


class ImageDecoder:
    def __init__(self, spec: TensorSpec) -> None:
        assert isinstance(spec.decode, ImageDecode)
        self.spec, self.said = spec, spec.decode

    def cost(self, sample: bytes) -> Cost:
        """By its header. Raises NotDecodable and TooLarge."""
        return Cost(most_elements(self.spec), count_pixels(sample))

    def decode(self, sample: bytes) -> tuple[np.ndarray, Placement]:
        """Raises NotDecodable and TooLarge."""
        return decode_image(sample, self.said)


def decode_image(data: bytes, decode: ImageSpec) -> tuple[np.ndarray, Placement]:
    """uint8 [channels, height, width], and where the picture is in it. Raises NotDecodable or TooLarge."""
    with _refused():
        return placed_image(data, decode)


def sent_image(data: bytes, decode: ImageSpec, most: int) -> np.ndarray:
    """uint8 [3, height, width] of the picture itself, of at most so many pixels. Raises NotDecodable or TooLarge."""
    with _refused():
        return upright_image(data, decode.exif, most)


def count_pixels(data: bytes) -> int:
    """As the file's header says it. Raises NotDecodable or TooLarge."""
    with _refused():
        return counted(data)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except TooManyPixels as error:
        raise TooLarge(str(error)) from error
    except NotAnImage as error:
        raise NotDecodable(str(error)) from error
