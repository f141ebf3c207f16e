"""Options of image inputs: mode, size, and mean and std by name or as lists."""

import math
from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data import SOURCES
from torchferry.training.data.arguments import recipe_arguments
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.source import ImageInput

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("mode", "normalize", "mean", "std"),
    [
        ("RGB", "imagenet", *IMAGENET),
        ("RGB", "half", (0.5,) * 3, (0.5,) * 3),
        ("RGB", "none", (0.0,) * 3, (1.0,) * 3),
        ("L", "imagenet", (0.449,), (0.226,)),
        ("L", "half", (0.5,), (0.5,)),
        ("L", "none", (0.0,), (1.0,)),
        ("RGBA", "half", (0.5,) * 4, (0.5,) * 4),
        ("LA", "none", (0.0,) * 2, (1.0,) * 2),
    ],
)
def test_mean_and_std_go_by_name(mode: Any, normalize: Any, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    found = image_input(2, 3, mode, normalize=normalize)
    assert (found.mean, found.std) == (mean, std)


def test_the_grey_mean_of_imagenet_is_that_of_its_three_colours() -> None:
    grey = image_input(1, 1, "L", normalize="imagenet")
    assert grey.mean == pytest.approx((sum(IMAGENET[0]) / 3,))
    assert grey.std == pytest.approx((sum(IMAGENET[1]) / 3,))


def test_the_default_is_colour_bilinear_and_imagenet() -> None:
    mean, std = IMAGENET
    assert image_input(2, 3) == ImageInput(
        mode="RGB", height=2, width=3, interpolation="bilinear", mean=mean, std=std, exif="apply"
    )
    assert image_input(2, 3, exif="ignore").exif == "ignore"
    assert image_input(2, 3, interpolation="bicubic").interpolation == "bicubic"


def test_it_is_squashed_whole_with_antialiasing_unless_it_is_said() -> None:
    usual = image_input(2, 3)
    assert (usual.resize, usual.fraction, usual.antialias, usual.fill) == ("squash", 1.0, True, ())
    said = image_input(2, 3, resize="crop", fraction=0.875, antialias=False)
    assert (said.resize, said.fraction, said.antialias, said.fill) == ("crop", 0.875, False, ())


def test_bars_have_the_colour_of_the_mean_or_the_one_that_is_given() -> None:
    assert image_input(2, 3, resize="pad").fill == (124, 116, 104)
    assert image_input(2, 3, resize="pad", normalize="none").fill == (0, 0, 0)
    assert image_input(2, 3, "L", resize="pad", mean=[-1.0], std=[0.5]).fill == (0,)
    assert image_input(2, 3, resize="pad", fill=[1, 2, 255]).fill == (1, 2, 255)


@pytest.mark.parametrize("name", ["image_folder", "image_list", "webdataset"])
def test_each_source_of_files_takes_the_same_words(name: str) -> None:
    assert recipe_arguments(image_input).items() <= recipe_arguments(SOURCES[name]).items()


def test_lists_replace_one_or_both() -> None:
    only_mean = image_input(1, 1, mean=[0, 0.5, 1])
    assert (only_mean.mean, only_mean.std) == ((0.0, 0.5, 1.0), IMAGENET[1])
    assert all(isinstance(value, float) for value in only_mean.mean)
    only_std = image_input(1, 1, "L", normalize="half", std=[2])
    assert (only_std.mean, only_std.std) == ((0.5,), (2.0,))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"height": 0}, "height: 0 is too small; give 1 or more"),
        ({"width": -1}, "width: -1 is too small; give 1 or more"),
        ({"mean": [0.5]}, "mean: [0.5] has 1 values; mode RGB has 3"),
        ({"mode": "L", "std": [1.0, 1.0]}, "std: [1.0, 1.0] has 2 values; mode L has 1"),
        ({"mean": []}, "mean: [] has 0 values; mode RGB has 3"),
        ({"mean": [0.5, math.nan, 0.5]}, "mean: [0.5, nan, 0.5] are not all finite"),
        ({"std": [1.0, 1.0, math.inf]}, "std: [1.0, 1.0, inf] are not all finite"),
        ({"std": [1.0, 0.0, 1.0]}, "std: [1.0, 0.0, 1.0] must be above 0"),
        ({"std": [1.0, -1.0, 1.0]}, "std: [1.0, -1.0, 1.0] must be above 0"),
        ({"fraction": 0}, "fraction: 0 is not from 0.1 to 1"),
        (
            {"antialias": False, "interpolation": "hamming"},
            "antialias: hamming always averages; only nearest, bilinear, bicubic can do without",
        ),
        ({"fill": [0, 0]}, "fill: [0, 0] has 2 values; mode RGB has 3"),
        ({"fill": [0, 0, 300], "resize": "pad"}, "fill: [0, 0, 300] must be 0 to 255"),
        ({"fill": [0, 0, 0]}, "fill: [0, 0, 0] is the colour around a picture with resize pad; resize is squash"),
        (
            {"mode": "CMYK", "mean": [0.5] * 4},
            "normalize: imagenet knows RGB and L, not CMYK; give half (-1..1), none (0..1), or mean and std",
        ),
    ],
)
def test_what_cannot_be_is_named_by_its_key(args: dict[str, Any], words: str) -> None:
    size = {"height": 2, "width": 3}
    assert refusal(lambda: image_input(**size | args)) == f"data.source.args.{words}"
    assert refusal(lambda: image_input(**size | args, what="data.image")) == f"data.image.{words}"
