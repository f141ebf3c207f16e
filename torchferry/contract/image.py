"""The bytes of an image file to the tensor that a network takes. Pillow and numpy only: it travels into archives."""

import io
from typing import Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
SUFFIXES = ("jpg", "jpeg", "png", "webp", "bmp")
MAX_PIXELS = 50_000_000


class ImageSpec(Protocol):
    """How a file becomes the tensor; training's input and a bundle's `decode` say it."""

    @property
    def mode(self) -> str:
        """Pillow's name for the colours: L is grey, one channel; RGB has three."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def interpolation(self) -> str:
        """nearest, bilinear or bicubic."""


class NotAnImage(ValueError):
    """The bytes are not an image that can be read; the text says why."""


class TooManyPixels(NotAnImage):
    """The header says so; nothing was unpacked."""


def decode_image(data: bytes, spec: ImageSpec) -> np.ndarray:
    """uint8 [channels, height, width] of a file's bytes. Raises NotAnImage."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            # The header alone says how large the image is; nothing is unpacked before this.
            if image.width * image.height > MAX_PIXELS:
                size = f"{image.width} x {image.height}"
                raise TooManyPixels(f"the image has {size} pixels; {MAX_PIXELS:,} are allowed")
            return image_array(image, spec)
    except (NotAnImage, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise NotAnImage(f"the {len(data)} bytes are not an image in {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"the image has too many pixels; {MAX_PIXELS:,} are allowed") from error
    except Exception as error:  # Pillow's plugins raise many kinds at damaged files
        raise NotAnImage(f"the image is damaged: {' '.join(str(error).split())}") from error


def image_array(image: Image.Image, spec: ImageSpec) -> np.ndarray:
    """uint8 [channels, height, width] in the declared mode; another size is resized whole, not cropped."""
    pixels = _eight_bits(image).convert(spec.mode)
    size = (spec.width, spec.height)
    if pixels.size != size:
        pixels = pixels.resize(size, Image.Resampling[spec.interpolation.upper()])
    array = np.array(pixels, dtype=np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow would clip 16-bit grey values at 255 instead of scaling them."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
