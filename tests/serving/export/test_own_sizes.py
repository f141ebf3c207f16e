"""A run served with pictures of their own size: what --sizes may say, and the run's files and masks decoded so."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset

from tests.training.data.pictures.test_image_masks import source, write
from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.export.own_sizes import of_own_size, read_sides, with_own_sizes
from torchferry.training.data.digit_scenes import digit_scenes
from torchferry.training.data.held_apart import Part
from torchferry.training.data.source import ImageInput, TableInput

SIDES = read_sides("height=8..64/8,width=8..120")
SIZES = ((30, 20), (90, 130), (200, 40), (50, 10))
"""Width first, of the pictures in each split."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        for number, size in enumerate(SIZES):
            write(tmp_path / split, f"{split}{number}", size)
    return tmp_path


@pytest.mark.parametrize("text", ["8..64/8", "height=8..64/8,width=8..64/8", "width=8..64/8,height=8..64/8"])
def test_both_sides_are_said_together_or_each(text: str) -> None:
    height, width = read_sides(text)
    assert height == Axis(at=2, name="height", least=8, most=64, step=8)
    assert width == Axis(at=3, name="width", least=8, most=64, step=8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("64", "--sizes: '64' is not understood; height=64..512/16,width=64..512/16, or"),
        ("9..8", "--sizes: '9..8' is not understood"),
        ("height=8..64", "--sizes: 'height=8..64' does not say the width; "),
        ("8..64,8..64", "--sizes: '8..64' is neither height nor width, or one of them again"),
        (
            "higth=8..64,width=8..64",
            "--sizes: 'higth=8..64' is neither height nor width, or one of them again; did you",
        ),
        ("width=8..64,width=8..64", "--sizes: 'width=8..64' is neither height nor width, or one of them again"),
    ],
)
def test_what_is_no_size_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        read_sides(text)


def test_only_pictures_have_sides_and_no_more_elements_than_servers_take() -> None:
    with pytest.raises(UserError, match="--sizes: is for a model of pictures"):
        of_own_size(TableInput(columns=("a",), mean=(0.0,), std=(1.0,)), SIDES)
    image = ImageInput(mode="RGB", height=8, width=8, mean=(0.5,) * 3, std=(1.0,) * 3, fraction=0.5, resize="crop")
    with pytest.raises(UserError, match=r"up to 75,000,000 elements; servers take up to 67,108,864"):
        of_own_size(image, read_sides("1..5000"))
    own = of_own_size(image, SIDES)
    assert (own.shape, own.resize, own.fraction, own.fill) == ((3, -1, -1), "keep", 1.0, (128,) * 3)


def test_pictures_keep_their_pixels_and_masks_are_moved_alike(root: Path) -> None:
    made = source(root)
    assert isinstance(made.input, ImageInput)
    own = with_own_sizes(made, of_own_size(made.input, SIDES))
    samples = {tuple(picture.shape): (picture, mask) for picture, mask in map(own.test.__getitem__, range(len(SIZES)))}
    assert sorted(samples) == [(1, 16, 50), (1, 24, 30), (1, 24, 120), (1, 64, 44)]
    for picture, mask in samples.values():
        assert mask.shape == picture.shape[1:]
    picture, mask = samples[1, 24, 30]
    with Image.open(root / "test" / "images" / "test0.png") as opened:
        np.testing.assert_array_equal(picture[0, :20], np.asarray(opened))
    assert (mask[20:] == 255).all(), "what lies below is not judged"
    assert (mask[:20] == (picture[0, :20] > 100)).all()
    assert made.test[0][0].shape == (1, 20, 30), "the source itself stays"


def test_parts_of_a_source_are_decoded_alike(root: Path) -> None:
    made = source(root)
    assert isinstance(made.input, ImageInput)
    image = of_own_size(made.input, SIDES)
    part = Part(Subset(made.test, [0, 1, 2]), np.array([1]))
    own = with_own_sizes(replace(made, train=part), image)
    assert torch.equal(own.train[0][0], own.test[1][0])


def test_pictures_in_memory_are_served_only_in_a_size_that_they_have() -> None:
    made = digit_scenes(train_scenes=2, test_scenes=2, size=48, targets="masks")
    assert isinstance(made.input, ImageInput)
    own = with_own_sizes(made, of_own_size(made.input, read_sides("8..64/8")))
    assert torch.equal(own.test[0][0], made.test[0][0])
    words = "--sizes: the run is judged on pictures of 48 x 48; height is to be multiple of 32 from 32 to 64"
    with pytest.raises(UserError, match=words):
        with_own_sizes(made, of_own_size(made.input, read_sides("32..64/32")))
