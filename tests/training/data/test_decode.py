"""An image file becomes a uint8 tensor of the declared size and colours, or is a corrupt sample with a reason."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.data.sources import noise
from torchferry.training.data.decode import MAX_PIXELS, decode_image, image_tensor
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample


def declared(**change: Any) -> ImageInput:
    args: dict[str, Any] = {"mode": "RGB", "height": 12, "width": 10, "mean": (0.5,), "std": (0.5,)}
    return ImageInput(**args | change)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "JPEG"])
def test_pixels_come_with_the_colours_first(kind: str) -> None:
    data = encoded(noise(0), kind)
    found = decode_image(data, declared(), "a")
    assert (found.dtype, found.shape, found.is_contiguous()) == (torch.uint8, (3, 12, 10), True)
    np.testing.assert_array_equal(found.numpy(), np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1))


def test_grey_has_one_channel() -> None:
    found = decode_image(encoded(noise(0)), declared(mode="L"), "a")
    np.testing.assert_array_equal(found.numpy(), np.asarray(noise(0).convert("L"))[None])


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_another_size_is_resized_whole(interpolation: str) -> None:
    found = image_tensor(noise(0), declared(height=5, width=30, interpolation=interpolation))
    resized = noise(0).resize((30, 5), getattr(Image.Resampling, interpolation.upper()))
    np.testing.assert_array_equal(found.numpy(), np.asarray(resized).transpose(2, 0, 1))


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    deep = Image.fromarray(np.array([[0, 255, 256, 0x80FF, 0xFFFF]], dtype=np.uint16))
    found = decode_image(encoded(deep), declared(mode="L", height=1, width=5), "a")
    assert found.tolist() == [[[0, 0, 1, 128, 255]]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "its 0 bytes are none of JPEG, PNG, WEBP, BMP"),
        (b"no image", "its 8 bytes are none of JPEG, PNG, WEBP, BMP"),
        (encoded(noise(0), "GIF"), "bytes are none of JPEG, PNG, WEBP, BMP"),
        (encoded(noise(0))[:100], "OSError: .*truncated"),
    ],
)
def test_what_is_no_image_is_named_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(CorruptSample, match=f"^some/file: cannot be read as an image: .*{words}") as refused:
        decode_image(data, declared(), "some/file")
    assert "\n" not in str(refused.value)


def test_an_image_has_at_most_the_pixels_that_a_server_takes() -> None:
    small = declared(mode="L", height=1, width=1)
    assert MAX_PIXELS == 10_000 * 5_000
    assert decode_image(encoded(Image.new("1", (10_000, 5_000))), small, "a").tolist() == [[[0]]]
    with pytest.raises(CorruptSample, match="it has 10000 x 5001 pixels; 50,000,000 are allowed"):
        decode_image(encoded(Image.new("1", (10_000, 5_001))), small, "a")
