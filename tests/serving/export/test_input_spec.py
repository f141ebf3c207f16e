"""Parsing --input into a named input with a datatype and shape, and the refusal of malformed ones."""

import re

import pytest

from torchferry.errors import UserError
from torchferry.serving.export.input_spec import read_input
from torchferry.training.data.source import ImageInput, TensorInput


@pytest.mark.parametrize(
    ("text", "name", "datatype", "shape"),
    [
        ("image:224", "image", "UINT8", (3, 224, 224)),
        ("image:RGB:24x48", "image", "UINT8", (3, 24, 48)),
        ("image:L:28", "image", "UINT8", (1, 28, 28)),
        ("table:8", "row", "FP32", (8,)),
        ("tensor:FP32:3x16", "input", "FP32", (3, 16)),
        ("tensor:INT64:5", "input", "INT64", (5,)),
        ("left_2=table:8", "left_2", "FP32", (8,)),
        ("batch.class=table:8", "batch.class", "FP32", (8,)),
    ],
)
def test_each_kind_has_its_name_datatype_and_shape(text: str, name: str, datatype: str, shape: tuple[int, ...]) -> None:
    read = read_input(text, 0, "imagenet")
    assert (read.name, read.datatype, read.of.shape) == (name, datatype, shape)


def test_those_without_a_name_are_numbered_from_the_second_on() -> None:
    assert [read_input("table:2", number, "none").name for number in range(3)] == ["row", "row_1", "row_2"]
    mine = read_input("mine=table:2", 2, "none")
    assert (mine.name, mine.named, read_input("table:2", 2, "none").named) == ("mine", True, False)


def test_an_image_is_normalised_as_it_is_said_and_a_table_is_not() -> None:
    image = read_input("image:4", 0, "half").of
    assert isinstance(image, ImageInput)
    assert (image.mean, image.std, image.exif) == ((0.5,) * 3, (0.5,) * 3, "apply")
    ignored = read_input("image:4", 0, "half", "ignore").of
    assert isinstance(ignored, ImageInput)
    assert ignored.exif == "ignore"
    assert isinstance(read_input("table:4", 0, "half").of, TensorInput)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video:3", "image:224, image:L:28x28, table:8 and tensor:FP32:3x16 are examples of what can be said"),
        ("image", "image:224, image:L:28x28"),
        ("2nd=table:8", "a name is ASCII letters, digits, '_', '-' and '.', of which a letter or '_' is the first"),
        ("größe=table:8", "a name is ASCII letters"),
        ("=table:8", "a name is ASCII letters"),
        ("a b=table:8", "a name is ASCII letters"),
        ("batch.=table:8", "a name is ASCII letters"),
        ("batch..ids=table:8", "a name is ASCII letters"),
        ("a=b=table:8", "image:224, image:L:28x28"),
        ("table:8 ", "image:224, image:L:28x28"),
        ("table:-8", "image:224, image:L:28x28"),
        ("image:0", "a size is 1 or more"),
        ("tensor:FP32:3x0", "a size is 1 or more"),
        ("image:CMYK:28", "an image is RGB or L (grey), of one size or HEIGHTxWIDTH"),
        ("image:3x28x28", "an image is RGB or L (grey), of one size or HEIGHTxWIDTH"),
        ("table:FP32:8", "a table has a number of columns, such as table:8"),
        ("table:8x8", "a table has a number of columns, such as table:8"),
        ("tensor:FP99:3", "a tensor's datatype is one of FP32, INT64"),
        ("tensor:3", "a tensor's datatype is one of FP32, INT64"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_could_be_said(text: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"--input: '{text}' is not understood; {words}")):
        read_input(text, 0, "none")
