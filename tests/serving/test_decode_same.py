"""Training and serving each have a decoder; both must give the same tensor for any file."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from torchferry.serving.bundle.bundle import ImageDecode
from torchferry.serving.decode import decode_image as served
from torchferry.serving.errors import NotDecodable, TooLarge
from torchferry.training.data.decode import decode_image as trained
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample

COLOURS = np.random.default_rng(0).integers(0, 256, (21, 34, 3), dtype=np.uint8)
PHOTO = Image.fromarray(COLOURS)
GREY = PHOTO.convert("L")


def transparent() -> Image.Image:
    image = PHOTO.convert("RGBA")
    image.putalpha(GREY)
    return image


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


FILES = {
    "jpeg": encoded(PHOTO, "JPEG"),
    "jpeg-grey": encoded(GREY, "JPEG"),
    "jpeg-cmyk": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "jpeg-progressive": encoded(PHOTO, "JPEG", progressive=True),
    "jpeg-rotated": encoded(PHOTO, "JPEG", exif=rotated()),
    "png": encoded(PHOTO, "PNG"),
    "png-grey": encoded(GREY, "PNG"),
    "png-grey-alpha": encoded(GREY.convert("LA"), "PNG"),
    "png-alpha": encoded(transparent(), "PNG"),
    "png-16": encoded(Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 251), "PNG"),
    "png-1": encoded(GREY.convert("1"), "PNG"),
    "png-palette": encoded(PHOTO.quantize(16), "PNG"),
    "png-palette-transparent": encoded(PHOTO.quantize(16), "PNG", transparency=3),
    "png-rotated": encoded(PHOTO, "PNG", exif=rotated()),
    "webp": encoded(PHOTO, "WEBP"),
    "webp-alpha": encoded(transparent(), "WEBP", lossless=True),
    "bmp": encoded(PHOTO, "BMP"),
    "bmp-palette": encoded(PHOTO.quantize(16), "BMP"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("mode", "height", "width", "interpolation"),
    [("RGB", 21, 34, "bilinear"), ("L", 21, 34, "nearest"), ("RGB", 8, 50, "bilinear"), ("L", 40, 8, "bicubic")],
)
def test_the_same_file_gives_the_same_tensor(name: str, mode: str, height: int, width: int, interpolation: str) -> None:
    fields = {"mode": mode, "height": height, "width": width, "interpolation": interpolation}
    mine = trained(FILES[name], ImageInput(**fields, mean=(0.5,), std=(0.5,)), name)  # type: ignore[arg-type]
    theirs = served(FILES[name], ImageDecode(**fields))  # type: ignore[arg-type]
    assert mine.dtype == torch.uint8
    np.testing.assert_array_equal(mine.numpy(), theirs)


@pytest.mark.parametrize(
    "data", [b"", b"no image", encoded(GREY, "GIF"), FILES["jpeg"][:300], FILES["png"][:300], FILES["webp"][:100]]
)
def test_what_one_refuses_the_other_refuses(data: bytes) -> None:
    with pytest.raises(NotDecodable):
        served(data, ImageDecode(mode="L", height=8, width=8, interpolation="bilinear"))
    with pytest.raises(CorruptSample, match=r"^a file: cannot be read as an image: "):
        trained(data, ImageInput(mode="L", height=8, width=8, mean=(0,), std=(1,)), "a file")


def test_both_refuse_too_many_pixels() -> None:
    data = encoded(Image.new("1", (7_100, 7_100)), "PNG")
    with pytest.raises(TooLarge, match="50,000,000 are allowed"):
        served(data, ImageDecode(mode="L", height=8, width=8, interpolation="bilinear"))
    with pytest.raises(CorruptSample, match="50,000,000 are allowed"):
        trained(data, ImageInput(mode="L", height=8, width=8, mean=(0,), std=(1,)), "a file")
