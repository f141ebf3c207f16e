"""Bytes of an image file to the tensor a model declares. Pillow and numpy only: it travels into archives."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from torchferry.serving.bundle.bundle import ImageDecode
from torchferry.serving.errors import NotDecodable, TooLarge

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
MAX_PIXELS = 50_000_000


def decode_image(data: bytes, decode: ImageDecode) -> np.ndarray:
    """uint8 [channels, height, width]; raises NotDecodable or TooLarge.

    An image of another size is resized whole, without keeping its proportions.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            # The header alone says how large the image is; nothing is unpacked before this.
            if image.width * image.height > MAX_PIXELS:
                raise TooLarge(f"the image has {image.width} x {image.height} pixels; {MAX_PIXELS:,} are allowed")
            pixels = _eight_bits(image).convert(decode.mode)
    except UnidentifiedImageError as error:
        raise NotDecodable(f"the {len(data)} bytes are not an image in {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise TooLarge(f"the image has too many pixels; {MAX_PIXELS:,} are allowed") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise NotDecodable(f"the image is damaged: {error}") from error
    size = (decode.width, decode.height)
    if pixels.size != size:
        pixels = pixels.resize(size, Image.Resampling[decode.interpolation.upper()])
    array = np.asarray(pixels, dtype=np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow would clip 16-bit grey values at 255 instead of scaling them."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
