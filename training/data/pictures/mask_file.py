"""Masks of pictures: files whose pixels are classes, taken to the network's size as their pictures are."""

import io
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from torchferry.contract.image import NotAnImage, upright_size
from torchferry.contract.resize import FILLED, fitted, spans
from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample

MODES = ("L", "P", "1")
"""Of Pillow, in which a pixel is one number of 8 bits."""


def decode_mask(mask: bytes, picture: bytes, image: ImageInput, fill: int, name: str) -> torch.Tensor:
    """uint8 [height, width] of the network's size; nothing lies between two classes, so the nearest pixel is taken, and
    bars beside a padded picture are `fill`.

    Raises CorruptSample for a mask that cannot be read, and UserError for one that is no mask of the picture.
    """
    try:
        with Image.open(io.BytesIO(mask)) as opened:
            if opened.mode not in MODES:
                raise UserError(
                    f"{name}: is {opened.mode}; a mask has one number from 0 to 255 for each pixel (L or P)"
                )
            pixels = np.asarray(opened, dtype=np.uint8)  # of a palette's pixels their numbers, not their colours
    except UserError:
        raise
    except UnidentifiedImageError as error:  # whose words name the object that was read
        raise CorruptSample(f"{name}: cannot be read as a mask: it is no picture") from error
    except Exception as error:  # Pillow's plugins raise many kinds at damaged files
        raise CorruptSample(f"{name}: cannot be read as a mask: {one_line(error)}") from error
    try:
        expected = upright_size(picture, image.exif)
    except NotAnImage as error:
        raise CorruptSample(f"{name}: its picture cannot be read: {error}") from error
    whole = Image.fromarray(pixels)
    if whole.size != expected:
        across, down = expected
        raise UserError(f"{name}: has {whole.width} x {whole.height} pixels; its picture has {across} x {down}")
    as_picture = replace(image, interpolation="nearest", antialias=True, fill=(fill,) if image.resize in FILLED else ())
    return torch.from_numpy(np.array(fitted(whole, *spans(*whole.size, as_picture), as_picture)[:, :, 0]))
