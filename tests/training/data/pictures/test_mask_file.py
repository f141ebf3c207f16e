"""A mask's file beside its picture's: upright, at the network's size, and nothing between two classes."""

import io

import numpy as np
import pytest
from PIL import Image

from torchferry.errors import UserError
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.mask_file import decode_mask
from torchferry.training.errors import CorruptSample

INPUT = image_input(8, 8, mode="L", normalize="none")


def file_of(image: Image.Image, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG", **options)
    return written.getvalue()


PICTURE = file_of(Image.new("L", (16, 8)))


def test_only_classes_of_the_file_are_in_the_mask() -> None:
    pixels = np.random.default_rng(0).choice([0, 7, 200], (8, 16)).astype(np.uint8)
    mask = decode_mask(file_of(Image.fromarray(pixels)), PICTURE, INPUT, 255, "m.png")
    assert mask.shape == (8, 8)
    assert set(mask.unique().tolist()) == {0, 7, 200}


def test_truth_values_are_the_classes_0_and_1() -> None:
    mask = decode_mask(file_of(Image.new("1", (16, 8), 1)), PICTURE, INPUT, 255, "m.png")
    assert set(mask.unique().tolist()) == {1}


def test_a_turned_picture_has_a_mask_of_its_upright_size() -> None:
    turned = Image.new("L", (8, 16))
    exif = turned.getexif()
    exif[0x0112] = 6
    mask = file_of(Image.new("L", (16, 8), 3))
    assert decode_mask(mask, file_of(turned, exif=exif), INPUT, 255, "m.png").unique().tolist() == [3]
    with pytest.raises(UserError, match=r"m\.png: has 8 x 16 pixels; its picture has 16 x 8"):
        decode_mask(file_of(Image.new("L", (8, 16))), file_of(turned, exif=exif), INPUT, 255, "m.png")


@pytest.mark.parametrize(("mask", "picture"), [(b"no picture", PICTURE), (file_of(Image.new("L", (16, 8))), b"none")])
def test_what_cannot_be_read_is_a_corrupt_sample(mask: bytes, picture: bytes) -> None:
    with pytest.raises(CorruptSample, match=r"^m\.png: "):
        decode_mask(mask, picture, INPUT, 255, "m.png")
