"""The contract's decoder, with the errors that each protocol has a status for."""

import numpy as np

from torchferry.contract.image import ImageSpec, NotAnImage, TooManyPixels
from torchferry.contract.image import decode_image as decoded
from torchferry.serving.errors import NotDecodable, TooLarge


def decode_image(data: bytes, decode: ImageSpec) -> np.ndarray:
    """uint8 [channels, height, width]. Raises NotDecodable or TooLarge."""
    try:
        return decoded(data, decode)
    except TooManyPixels as error:
        raise TooLarge(str(error)) from error
    except NotAnImage as error:
        raise NotDecodable(str(error)) from error
