"""The bytes of an image file to the tensor that a network takes. Pillow and numpy only: it travels into archives.

A mode without alpha leaves transparency out: a transparent pixel has the colour that the file gives it. Where alpha is
kept, an antialiased resize weighs colours by it, as Pillow does. CMYK becomes RGB as Pillow converts it, in JPEG by
Adobe's inverted values. Grey values of 12 and 16 bits are scaled to 8.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from torchferry.contract.axes import Axis
from torchferry.contract.image_effort import too_laborious
from torchferry.contract.image_formats import FORMATS
from torchferry.contract.own_size import NoOwnSize
from torchferry.contract.placement import Placement
from torchferry.contract.resize import fitted, spans
from torchferry.contract.scaled_jpeg import scale_down

MAX_PIXELS = 50_000_000
MAX_SIDE = 1_000_000
"""Pixels; the weights that resize a longer one would take hundreds of megabytes."""
MAX_READS = 100_000
"""Of a file's parts. A JPEG of 16 MB can have four million empty ones before its picture, which take seconds."""
MAX_RATIO = 1_000
"""Of the sides of a picture that is cropped; of more, less than a thousandth would be shown."""
MAX_GREY = 65_535
CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
"""By Pillow's name for the colours: L is grey, A is alpha, which is opaque for a file that has none."""
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes an orientation of EXIF, as in PIL.ImageOps.exif_transpose."""
_SIDEWAYS = [_UPRIGHT[orientation] for orientation in (5, 6, 7, 8)]
_TIFF_BITS, _TIFF_TILE, _TIFF_KIND = 258, (322, 323), 254
_SMALLER_OR_MASK = 0b101
"""Of a TIFF's page that is no picture of its own."""
MAX_PAGES = 32
"""Of a TIFF whose others are smaller copies and masks; copies halve the sides."""


class ImageSpec(Protocol):
    """How a file becomes the tensor; training's input and the `decode` of a bundle's input say it."""

    @property
    def mode(self) -> str:
        """Pillow's name for the colours, one of CHANNELS."""

    @property
    def height(self) -> int | Axis:
        """An axis of a network that takes pictures of their own size, as is `width` then."""

    @property
    def width(self) -> int | Axis: ...
    @property
    def resize(self) -> str:
        """squash, crop or pad: what becomes of a picture whose sides have another ratio; keep where sizes vary."""

    @property
    def fraction(self) -> float:
        """0.1 to 1: the share of the resized picture's side that is kept, around the middle."""

    @property
    def interpolation(self) -> str:
        """nearest, bilinear, bicubic, lanczos, box or hamming."""

    @property
    def antialias(self) -> bool:
        """Whether a picture that is made smaller is averaged, as Pillow does; not for nearest."""

    @property
    def fill(self) -> tuple[int, ...]:
        """The colour beside a picture that does not fill its place, 0..255 per channel; zeros where it is empty."""

    @property
    def exif(self) -> str:
        """apply turns a picture upright as its EXIF orientation says, before all else; ignore takes it as it is stored.

        Pillow itself turns a TIFF upright, in either case.
        """

    @property
    def jpeg(self) -> str:
        """full, or scaled: a JPEG much larger than the network's size is decoded at a part of its own."""


class NotAnImage(ValueError):
    """The bytes are not an image that can be read; the text says why."""


class TooManyPixels(NotAnImage):
    """The header says so; nothing was unpacked."""


def decode_image(data: bytes, spec: ImageSpec) -> np.ndarray:
    """uint8 [channels, height, width] of a file's bytes, whatever its name. Raises NotAnImage."""
    return placed_image(data, spec)[0]


def placed_image(data: bytes, spec: ImageSpec) -> tuple[np.ndarray, Placement]:
    """The same, and where the file's picture is in it."""
    with _opened(data) as image:
        return _placed(image, spec)


def upright_image(data: bytes, exif: str, most: int) -> np.ndarray:
    """uint8 [3, height, width] of a file's bytes, as people see it: upright where `exif` is apply, in its own size, or
    smaller where that has more than `most` pixels. Raises NotAnImage."""
    with _opened(data) as image:
        part = min(1.0, math.sqrt(most / (image.width * image.height)))
        image.draft(None, (math.ceil(image.width * part), math.ceil(image.height * part)))  # a JPEG's eighths
        upright = _upright(image) if exif == "apply" else image
        colours = _converted(_eight_bits(upright), "RGB")
        part = min(1.0, math.sqrt(most / (colours.width * colours.height)))
        if part < 1:
            height = max(1, math.floor(colours.height * part))
            width = max(1, min(math.floor(colours.width * part), most // height))
            colours = colours.resize((width, max(1, min(height, most // width))), Image.Resampling.BILINEAR)
        return np.asarray(colours).transpose(2, 0, 1)


def count_pixels(data: bytes) -> int:
    """As the file's header says it; nothing is unpacked. Raises NotAnImage."""
    with _opened(data) as image:
        return max(width * height for width, height in _sizes(image))


def upright_size(data: bytes, exif: str) -> tuple[int, int]:
    """Width and height of a file's picture, turned upright where `exif` is apply. Raises NotAnImage."""
    with _opened(data) as image:
        if exif == "apply":
            image.load()  # a PNG's EXIF may stand behind its pixels
            if _turn(image) in _SIDEWAYS:
                return image.height, image.width
        return image.size


class _File(io.BytesIO):
    reads = 0
    most = float(MAX_READS)

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > self.most:
            raise NotAnImage(f"the image has more than {MAX_READS:,} parts")
        return super().read(size)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """What Pillow raises of it is told as NotAnImage."""
    try:
        with Image.open(file := _File(data), formats=FORMATS) as image:
            _check_size(image)
            _check_alone(image)
            if why := too_laborious(data, str(image.format)):
                raise NotAnImage(f"the image is not decoded: {why}")
            if image.format == "QOI":  # which Pillow reads a byte at a time
                file.most = math.inf
            yield image
    except (NotAnImage, MemoryError):
        raise
    except NoOwnSize as error:
        raise NotAnImage(str(error)) from error
    except UnidentifiedImageError as error:
        raise NotAnImage(f"the {len(data)} bytes are not an image in {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"the image has too many pixels; {MAX_PIXELS:,} are allowed") from error
    except Exception as error:  # Pillow's plugins raise many kinds at damaged files
        raise NotAnImage(f"the image is damaged: {' '.join(str(error).split())}") from error


def image_array(image: Image.Image, spec: ImageSpec) -> np.ndarray:
    """uint8 [channels, height, width] in the declared mode and size.

    Raises NotAnImage for grey values and colours that have no place there, and what Pillow raises.
    """
    return _placed(image, spec)[0]


def _placed(image: Image.Image, spec: ImageSpec) -> tuple[np.ndarray, Placement]:
    full = scale_down(image, spec, spec.exif == "apply" and _turn(image) in _SIDEWAYS)
    upright = _upright(image) if spec.exif == "apply" else image
    pixels = _converted(_eight_bits(upright), spec.mode)
    place = Placement(*spans(*(full or pixels.size), spec))
    across, down = place.across.of(pixels.width), place.down.of(pixels.height)
    if spec.resize == "crop" and max(across.resized / across.side, down.resized / down.side) > MAX_RATIO:
        shape = f"{pixels.width} x {pixels.height}"
        raise NotAnImage(f"the image has {shape} pixels; the middle of it would be less than 1 in {MAX_RATIO:,}")
    return np.array(fitted(pixels, across, down, spec).transpose(2, 0, 1), order="C"), place


def _sizes(image: Image.Image) -> list[tuple[int, int]]:
    """Width and height of the image, and of a TIFF's tiles, as the header says them."""
    sizes = [image.size]
    if tags := getattr(image, "tag_v2", None):
        width, height = (int(tags.get(tag, 0)) for tag in _TIFF_TILE)
        sizes.append((width, height))
    return sizes


def _check_size(image: Image.Image) -> None:
    """Nothing is unpacked before this."""
    if max(image.size) > MAX_SIDE:
        raise TooManyPixels(f"the image has {image.width} x {image.height} pixels; a side may have {MAX_SIDE:,}")
    for width, height in _sizes(image):
        if width * height > MAX_PIXELS:
            raise TooManyPixels(f"the image has {width} x {height} pixels; {MAX_PIXELS:,} are allowed")


def _check_alone(image: Image.Image) -> None:
    """A sample is one picture, and nobody says which of several is meant. Phones write a preview behind theirs, as
    MPO, and others smaller copies into a TIFF."""
    if image.format != "MPO" and getattr(image, "is_animated", False) and not _are_copies(image):
        raise NotAnImage(
            "the file has several pictures, as frames or pages; save the one that is meant in its own file"
        )


def _are_copies(image: Image.Image) -> bool:
    """Whether all pages of a TIFF behind the first one are smaller copies or masks of it."""
    try:
        for page in range(1, MAX_PAGES + 1):
            image.seek(page)
            if not int(getattr(image, "tag_v2", {}).get(_TIFF_KIND, 0)) & _SMALLER_OR_MASK:
                return False
    except EOFError:
        return True
    finally:
        image.seek(0)
    return False


def _upright(image: Image.Image) -> Image.Image:
    image.load()  # a PNG's EXIF may stand behind its pixels; a TIFF has none left once Pillow has turned it
    turn = _turn(image)
    return image if turn is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF says nothing, and the picture may be whole
        return None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow would clip grey values of more bits at 255 instead of scaling them."""
    if image.mode == "F":
        raise NotAnImage(
            "its grey values are floating-point numbers, whose range is not known; save it with 8 or 16 bits"
        )
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    least, most = int(values.min()), int(values.max())
    if least < 0 or most > MAX_GREY:
        raise NotAnImage(f"its grey values are {least} to {most}; 0 to {MAX_GREY} are taken, which are 16 bits")
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (16,))[0]
    return Image.fromarray((values >> (4 if bits == 12 else 8)).astype(np.uint8))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "LAB":
        raise NotAnImage("its colours are CIELAB, which cannot be converted without a colour profile; save it as RGB")
    if image.mode == "P" and isinstance(image.info.get("transparency"), bytes):
        image = image.convert("RGBA")  # the same colours; from P itself Pillow warns of the transparency left out
    return image.convert(mode)
