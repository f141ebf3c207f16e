"""An image file to the tensor a network takes, by the same rules as the server's.

serving/decode.py has its own copy, since neither side imports the other; tests/serving/test_decode_same.py
holds that both give the same tensor.
"""

import io

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from torchferry.training.config.instantiate import one_line
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
SUFFIXES = ("jpg", "jpeg", "png", "webp", "bmp")
MAX_PIXELS = 50_000_000


def decode_image(data: bytes, image: ImageInput, name: str) -> torch.Tensor:
    """uint8 [channels, height, width] of a file's bytes; raises CorruptSample, which says `name`."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            # A server refuses such a file by its header, so a network should not have learnt from one.
            if opened.width * opened.height > MAX_PIXELS:
                why = f"it has {opened.width} x {opened.height} pixels; {MAX_PIXELS:,} are allowed"
                raise CorruptSample(f"{name}: cannot be read as an image: {why}")
            return image_tensor(opened, image)
    except CorruptSample:
        raise
    except UnidentifiedImageError as error:
        why = f"its {len(data)} bytes are none of {', '.join(FORMATS)}"
        raise CorruptSample(f"{name}: cannot be read as an image: {why}") from error
    except Exception as error:  # Pillow's plugins raise many kinds at damaged files
        raise CorruptSample(f"{name}: cannot be read as an image: {one_line(error)}") from error


def image_tensor(opened: Image.Image, image: ImageInput) -> torch.Tensor:
    """uint8 [channels, height, width] in the declared mode; another size is resized whole, not cropped."""
    pixels = _eight_bits(opened).convert(image.mode)
    size = (image.width, image.height)
    if pixels.size != size:
        pixels = pixels.resize(size, Image.Resampling[image.interpolation.upper()])
    array = np.array(pixels, dtype=np.uint8)
    return torch.from_numpy(array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1)))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow would clip 16-bit grey values at 255 instead of scaling them."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
