"""Mean and std of pictures in memory are their own, those of a name, or as given; the rest is for servers."""

import math
from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data import SOURCES
from torchferry.training.data.arguments import recipe_arguments
from torchferry.training.data.pictures.array_pictures import ArrayPictures

OWN = ((0.1307,), (0.3081,))


@pytest.mark.parametrize(
    ("args", "is_fitted", "constants"),
    [
        ({}, True, OWN),
        ({"mean": [0.5]}, True, ((0.5,), OWN[1])),
        ({"std": [0.5]}, True, (OWN[0], (0.5,))),
        ({"mean": [0.25], "std": [0.5]}, False, ((0.25,), (0.5,))),
        ({"normalize": "none"}, False, ((0.0,), (1.0,))),
        ({"normalize": "half", "std": [0.25]}, False, ((0.5,), (0.25,))),
    ],
)
def test_what_a_recipe_leaves_out_is_the_pictures_own(args: dict[str, Any], is_fitted: bool, constants: Any) -> None:
    said = ArrayPictures(**args)
    found = said.input(4, 6, "L", OWN)
    assert said.is_fitted is is_fitted
    assert (found.mean, found.std) == constants
    assert (found.mode, found.height, found.width) == ("L", 4, 6)


def test_servers_resize_and_turn_as_it_says() -> None:
    usual = ArrayPictures().input(4, 4, "L", OWN)
    assert (usual.resize, usual.interpolation, usual.exif, usual.jpeg) == ("squash", "bilinear", "apply", "full")
    said = ArrayPictures(resize="pad", interpolation="bicubic").input(4, 4, "L", OWN, "ignore")
    assert (said.resize, said.interpolation, said.exif, said.fill) == ("pad", "bicubic", "ignore", (33,))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"mean": []}, "mean: [] has 0 values; mode L has 1"),
        ({"std": [0.0]}, "std: [0.0] must be above 0"),
        ({"mean": [math.nan]}, "mean: [nan] are not all finite"),
    ],
)
def test_what_cannot_be_is_named_by_its_key(args: dict[str, Any], words: str) -> None:
    assert refusal(lambda: ArrayPictures(**args).input(4, 4, "L", OWN)) == f"data.source.args.{words}"


@pytest.mark.parametrize("name", ["digits", "idx", "mnist", "fashion_mnist", "cifar10"])
def test_each_source_in_memory_takes_the_same_words(name: str) -> None:
    assert recipe_arguments(ArrayPictures).items() <= recipe_arguments(SOURCES[name]).items()
