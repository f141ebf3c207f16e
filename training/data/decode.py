"""The contract's decoder, as torch tensors and with the sample's name in its errors."""

import torch
from PIL import Image

from torchferry.contract.image import NotAnImage, image_array
from torchferry.contract.image import decode_image as decoded
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample


def decode_image(data: bytes, image: ImageInput, name: str) -> torch.Tensor:
    """uint8 [channels, height, width] of a file's bytes; raises CorruptSample, which says `name`."""
    try:
        return torch.from_numpy(decoded(data, image))
    except NotAnImage as error:
        raise CorruptSample(f"{name}: cannot be read as an image: {error}") from error


def image_tensor(opened: Image.Image, image: ImageInput) -> torch.Tensor:
    """uint8 [channels, height, width] in the declared mode."""
    return torch.from_numpy(image_array(opened, image))
