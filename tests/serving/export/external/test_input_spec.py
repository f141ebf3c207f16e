"""Parsing --input into a named input with a datatype and shape, and the refusal of malformed ones."""

import re
from typing import Any

import pytest

from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import read_input
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
    read = read_input(text, 0, {})
    assert (read.name, read.datatype, read.of.shape) == (name, datatype, shape)


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 4), ("LA", 2), ("CMYK", 4)])
def test_a_picture_has_the_channels_of_its_mode(mode: str, channels: int) -> None:
    assert read_input(f"image:{mode}:8x9", 0, {"normalize": "half"}).of.shape == (channels, 8, 9)


def test_a_picture_of_its_own_size_has_bounds_and_keeps_its_pixels() -> None:
    both = (Axis(at=2, name="height", least=32, most=512, step=32), Axis(at=3, name="width", least=16, most=64))
    said = {"resize": "crop", "fraction": 0.9, "interpolation": "bicubic"}  # as a file beside the weights may say it
    given = read_input("image:L:[32..512/32]x[16..64]", 0, {"normalize": "half", **said})
    assert (given.axes, given.of.shape, given.elements) == (both, (1, -1, -1), 512 * 64)
    assert isinstance(given.of, ImageInput)
    assert (given.of.height, given.of.width) == both
    kept = (given.of.resize, given.of.fraction, given.of.interpolation, given.of.fill)
    assert kept == ("keep", 1.0, "bicubic", (128,))
    assert read_input("image:RGB:[8..9]", 0, {"fill": [1, 2, 3]}).axes[1] == Axis(at=3, name="width", least=8, most=9)
    second = read_input("image:[8..9]x[w=8..9]", 1, {})
    assert [axis.name for axis in second.axes] == ["image_1_height", "w"], "it need not be of the first one's size"


def test_those_without_a_name_are_numbered_from_the_second_on() -> None:
    assert [read_input("table:2", number, {}).name for number in range(3)] == ["row", "row_1", "row_2"]
    mine = read_input("mine=table:2", 2, {})
    assert (mine.name, mine.named, read_input("table:2", 2, {}).named) == ("mine", True, False)


def test_an_image_is_normalised_as_it_is_said_and_a_table_is_not() -> None:
    image = read_input("image:4", 0, {"normalize": "half"}).of
    assert isinstance(image, ImageInput)
    assert (image.mean, image.std, image.exif, image.resize) == ((0.5,) * 3, (0.5,) * 3, "apply", "squash")
    said = {"resize": "crop", "fraction": 0.875, "interpolation": "bicubic", "exif": "ignore"}
    cropped = read_input("image:4", 0, said).of
    assert {name: getattr(cropped, name) for name in said} == said
    assert isinstance(read_input("table:4", 0, {"normalize": "half"}).of, TensorInput)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ({"mean": [0.5]}, "--mean: [0.5] has 1 values; mode RGB has 3"),
        (
            {"interpolation": "lanczos", "antialias": False},
            "--no-antialias: lanczos always averages; only nearest, bilinear, bicubic can do without",
        ),
        ({"fill": [0, 0, 0]}, "--fill: [0, 0, 0] is the colour around a picture with resize pad; resize is squash"),
    ],
)
def test_what_does_not_go_together_is_named_by_its_option(picture: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        read_input("image:4", 0, picture)


def test_imagenets_constants_are_for_its_own_channels() -> None:
    words = "--normalize: imagenet knows RGB and L, not RGBA; give half (-1..1), none (0..1), or mean and std"
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"):
        read_input("image:RGBA:4", 0, {})
    assert read_input("image:RGBA:4", 0, {"mean": [0.5] * 4, "std": [0.5] * 4}).of.shape == (4, 4, 4)


@pytest.mark.parametrize("text", ["image", "image:L", "left=image:RGBA"])
def test_a_picture_of_which_nothing_says_the_size_is_refused_with_what_would(text: str) -> None:
    words = f"--input: '{text}' has no size, and nothing says it; give {text}:224, or --preprocess"
    with pytest.raises(UserError, match=re.escape(words)):
        read_input(text, 0, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video:3", "image:224, image:L:28x28, table:8 and tensor:FP32:3x16 are examples of what can be said"),
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
        ("table:0", "a size is 1 or more"),
        ("image:LAB:28", "an image is RGB, L (grey), RGBA, LA or CMYK, of one size or HEIGHTxWIDTH; what has other"),
        ("image:5:28", "an image is RGB, L (grey), RGBA, LA or CMYK, of one size or HEIGHTxWIDTH; what has other"),
        ("image:3x28x28", "an image is RGB, L (grey), RGBA, LA or CMYK, of one size or HEIGHTxWIDTH; what has other"),
        ("image:224x[1..512]", "height and width both vary, each for itself, or none"),
        ("image:[s=1..512]x[s=1..512]", "height and width both vary, each for itself, or none"),
        ("image:[s=1..512]", "'s' would be both height and width; name each, or none"),
        ("image:[1..9]x[1..9]x[1..9]", "an image is RGB"),
        ("table:[1..9]", "an axis that varies is a tensor's or a picture's, and a table has one number of columns"),
        ("table:FP32:8", "a table has a number of columns, such as table:8"),
        ("table:8x8", "a table has a number of columns, such as table:8"),
        ("tensor:FP99:3", "a tensor's datatype is one of BOOL, UINT8, "),
        ("tensor:3", "a tensor's datatype is one of BOOL, UINT8, "),
    ],
)
def test_what_is_not_understood_is_refused_with_what_could_be_said(text: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"--input: '{text}' is not understood; {words}")):
        read_input(text, 0, {})


@pytest.mark.parametrize("text", ["image:[1..5000]", "image:1000000", "tensor:INT8:8193x8192"])
def test_what_no_server_takes_is_refused_before_it_is_made_up(text: str) -> None:
    with pytest.raises(UserError, match=f"--input: '{re.escape(text)}' has .* elements; servers take up to 67,108,864"):
        read_input(text, 0, {})
