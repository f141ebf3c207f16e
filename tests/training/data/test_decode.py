"""Decoding an image to a torch tensor, and corrupt samples with their name."""

import io

import pytest
import torch
from PIL import Image

from tests.training.data.sources import noise
from torchferry.training.data.decode import decode_image, image_tensor
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample

DECLARED = ImageInput(mode="RGB", height=12, width=10, mean=(0.5,), std=(0.5,))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_a_file_and_an_opened_image_are_one_tensor() -> None:
    found = decode_image(encoded(noise(0)), DECLARED, "a")
    assert (found.dtype, found.shape, found.is_contiguous()) == (torch.uint8, (3, 12, 10), True)
    assert found.equal(image_tensor(noise(0), DECLARED))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no image", "the 8 bytes are not an image in JPEG, PNG, WEBP, BMP, GIF, TIFF, "),
        (encoded(noise(0))[:100], "the image is damaged: .*truncated"),
        (encoded(Image.new("1", (10_000, 5_001))), "the image has 10000 x 5001 pixels; 50,000,000 are allowed"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(CorruptSample, match=f"^some/file: cannot be read as an image: {words}") as refused:
        decode_image(data, DECLARED, "some/file")
    assert "\n" not in str(refused.value)
