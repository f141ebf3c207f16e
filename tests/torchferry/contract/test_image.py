"""An image file becomes a uint8 tensor of the declared size and colours, or is refused with a reason."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from tests.training.data.sources import noise
from torchferry.contract.image import MAX_PIXELS, NotAnImage, TooManyPixels, decode_image, image_array


@dataclass(frozen=True)
class Spec:
    mode: str = "RGB"
    height: int = 12
    width: int = 10
    interpolation: str = "bilinear"


GREY = Spec(mode="L")


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def transparent() -> Image.Image:
    image = noise(0).convert("RGBA")
    image.putalpha(noise(1).convert("L"))
    return image


COLOURS = {
    "palette": noise(0).quantize(16),
    "black and white": noise(0).convert("1"),
    "grey with alpha": noise(0).convert("LA"),
    "alpha": transparent(),
}


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "JPEG"])
def test_pixels_come_with_the_colours_first(kind: str) -> None:
    data = encoded(noise(0), kind)
    found = decode_image(data, Spec())
    assert (found.dtype.name, found.shape, found.flags.c_contiguous) == ("uint8", (3, 12, 10), True)
    np.testing.assert_array_equal(found, np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1))


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_other_colours_are_converted_to_the_declared_ones(name: str, mode: str) -> None:
    found = decode_image(encoded(COLOURS[name]), Spec(mode=mode))
    wanted = np.asarray(COLOURS[name].convert(mode))
    np.testing.assert_array_equal(found, wanted[None] if mode == "L" else wanted.transpose(2, 0, 1))


def test_cmyk_is_converted() -> None:
    assert decode_image(encoded(noise(0).convert("CMYK"), "JPEG"), Spec()).shape == (3, 12, 10)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_another_size_is_resized_whole(interpolation: str) -> None:
    found = image_array(noise(0), Spec(height=5, width=30, interpolation=interpolation))
    resized = noise(0).resize((30, 5), getattr(Image.Resampling, interpolation.upper()))
    np.testing.assert_array_equal(found, np.asarray(resized).transpose(2, 0, 1))


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    deep = Image.fromarray(np.array([[0, 255, 256, 0x80FF, 0xFFFF]], dtype=np.uint16))
    assert decode_image(encoded(deep), Spec("L", 1, 5)).tolist() == [[[0, 0, 1, 128, 255]]]


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", encoded(noise(0), "GIF"), b"%PDF-1.4"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage, match=f"^the {len(data)} bytes are not an image in JPEG, PNG, WEBP, BMP$"):
        decode_image(data, GREY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
def test_a_truncated_image_is_refused(kind: str) -> None:
    grain = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(grain), kind)
    with pytest.raises(NotAnImage, match=r"^the image is damaged: |^the \d+ bytes are not") as refused:
        decode_image(data[: len(data) // 2], GREY)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("error", [KeyError("tile"), struct.error("unpack"), ValueError("a\nb")])
def test_whatever_a_plugin_raises_is_damage(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "convert", convert)
    with pytest.raises(NotAnImage, match=r"^the image is damaged: "):
        decode_image(encoded(noise(0)), GREY)


def test_the_largest_image_is_taken_and_one_row_more_is_not() -> None:
    assert MAX_PIXELS == 10_000 * 5_000
    small = Spec("L", 1, 1)
    assert decode_image(encoded(Image.new("1", (10_000, 5_000))), small).tolist() == [[[0]]]
    with pytest.raises(TooManyPixels, match="the image has 10000 x 5001 pixels; 50,000,000 are allowed"):
        decode_image(encoded(Image.new("1", (10_000, 5_001))), small)


def test_a_huge_image_is_refused_by_its_header_alone() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(TooManyPixels, match="pixels"):
        decode_image(png + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")), GREY)
