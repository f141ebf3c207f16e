"""Squash, crop and pad are what torchvision and timm do when they evaluate, to one grey level."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize, functional

from tests.torchferry.contract.photographs import pieces
from tests.torchferry.contract.specs import Spec
from tests.training.data.sources import noise
from torchferry.contract.image import image_array
from torchferry.contract.resize import INTERPOLATIONS, RESIZES, SAMPLED, Span, fitted, framed, spans, target_of, wrong

SIZES = ((224, 256), (224, 232), (28, 32), (56, 64), (60, 61), (33, 33), (100, 110))
"""Of the network, and what the shorter side is resized to."""
PIECES = 100


def difference(found: np.ndarray, wanted: Any) -> int:
    """The largest, in grey levels; `wanted` is uint8 [channels, height, width] or a picture."""
    if isinstance(wanted, Image.Image):
        wanted = np.asarray(wanted).reshape(*wanted.size[::-1], -1).transpose(2, 0, 1)
    assert found.shape == tuple(wanted.shape)
    return int(np.abs(found.astype(int) - np.asarray(wanted, dtype=int)).max())


def cases() -> list[tuple[Image.Image, int, int, str]]:
    """A piece, the network's size, the shorter side's, the interpolation."""
    ways = itertools.cycle(itertools.product(SIZES, INTERPOLATIONS))
    return [(piece, *size, how) for piece, (size, how) in zip(pieces(PIECES), ways, strict=False)]


def test_the_pieces_are_a_hundred_landscapes_and_portraits() -> None:
    found = pieces(PIECES)
    assert len({piece.size for piece in found}) == PIECES
    assert sum(piece.width < piece.height for piece in found) == PIECES / 2


def test_a_crop_is_torchvisions_resize_and_middle() -> None:
    for piece, size, shorter, how in cases():
        theirs = Compose([Resize(shorter, InterpolationMode[how.upper()]), CenterCrop(size)])(piece)
        spec = Spec(height=size, width=size, resize="crop", fraction=size / shorter, interpolation=how)
        assert difference(image_array(piece, spec), theirs) <= 1, (piece.size, spec)


def test_a_squash_is_torchvisions_resize_to_both_sides() -> None:
    for piece, size, shorter, how in cases():
        theirs = functional.resize(piece, [shorter, size], InterpolationMode[how.upper()])
        spec = Spec(height=shorter, width=size, interpolation=how)
        assert difference(image_array(piece, spec), theirs) == 0, (piece.size, spec)


@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
def test_without_antialiasing_it_is_torchvisions_resize_of_tensors(how: str) -> None:
    for piece, size, shorter, _ in cases()[::2]:
        tensor = functional.pil_to_tensor(piece)
        resized = functional.resize(tensor, [shorter], InterpolationMode[how.upper()], antialias=False)
        spec = Spec(height=size, width=size, resize="crop", fraction=size / shorter, interpolation=how, antialias=False)
        assert difference(image_array(piece, spec), functional.center_crop(resized, [size])) <= 1, (piece.size, spec)


@pytest.mark.parametrize(
    ("weights", "size", "shorter", "how"),
    [
        (models.ResNet18_Weights.IMAGENET1K_V1, 224, 256, "bilinear"),
        (models.ResNet50_Weights.IMAGENET1K_V2, 224, 232, "bilinear"),
        (models.EfficientNet_B0_Weights.IMAGENET1K_V1, 224, 256, "bicubic"),
        (models.EfficientNet_V2_S_Weights.IMAGENET1K_V1, 384, 384, "bilinear"),
        (models.ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1, 384, 384, "bicubic"),
        (models.Swin_V2_T_Weights.IMAGENET1K_V1, 256, 260, "bicubic"),
    ],
    ids=str,
)
def test_a_crop_is_what_torchvisions_weights_were_judged_on(weights: Any, size: int, shorter: int, how: str) -> None:
    transforms = weights.transforms()
    mean, std = torch.tensor(transforms.mean).view(3, 1, 1), torch.tensor(transforms.std).view(3, 1, 1)
    for piece in pieces(4):
        pixels = ((transforms(piece) * std + mean) * 255).round()
        spec = Spec(height=size, width=size, resize="crop", fraction=size / shorter, interpolation=how)
        assert difference(image_array(piece, spec), pixels) <= 1


TIMM = [
    ("center", "crop", (224, 224)),
    ("squash", "squash", (224, 224)),
    ("border", "pad", (224, 224)),
    ("border", "pad", (96, 160)),
    ("center", "crop", (96, 160)),
    ("squash", "squash", (160, 96)),
]


@pytest.mark.parametrize(("theirs", "ours", "size"), TIMM)
@pytest.mark.parametrize("fraction", [0.875, 0.95, 1.0])
def test_it_is_timms_transform_of_evaluation(theirs: str, ours: str, size: tuple[int, int], fraction: float) -> None:
    data = pytest.importorskip("timm.data", reason="timm is not installed; pip install timm")
    height, width = size
    # timm resizes to a size that is not square with bilinear, whatever it is told.
    hows = ("bilinear",) if theirs == "center" and height != width else ("bilinear", "bicubic")
    for number, piece in enumerate(pieces(PIECES)):
        how = hows[number % len(hows)]
        transform = data.create_transform(
            (3, height, width), crop_pct=fraction, crop_mode=theirs, interpolation=how, use_prefetcher=True
        )
        fill = tuple(round(255 * value) for value in data.IMAGENET_DEFAULT_MEAN) if ours == "pad" else ()
        spec = Spec(height=height, width=width, resize=ours, fraction=fraction, interpolation=how, fill=fill)
        assert difference(image_array(piece, spec), transform(piece)) <= 1, (piece.size, spec)


def test_the_nearest_pixels_are_pillows_for_any_size() -> None:
    picture, random = noise(0, 60, 90), np.random.default_rng(0)
    for width, height in random.integers(1, 200, (200, 2)).tolist():
        found = image_array(picture, Spec(width=width, height=height, interpolation="nearest"))
        assert difference(found, picture.resize((width, height), Image.Resampling.NEAREST)) == 0


@pytest.mark.parametrize(
    ("size", "given", "across", "down"),
    [
        # 640 x 427: the shorter side to 256, the longer to int(383.7)
        ((640, 427), {"resize": "crop", "fraction": 0.875}, (383, 80, 224, 0), (256, 16, 224, 0)),
        ((427, 640), {"resize": "crop", "fraction": 0.875}, (256, 16, 224, 0), (383, 80, 224, 0)),
        ((640, 427), {"resize": "crop"}, (335, 56, 224, 0), (224, 0, 224, 0)),
        ((640, 427), {"resize": "crop", "fraction": 224 / 232}, (347, 62, 224, 0), (232, 4, 224, 0)),
        # a target that is not square: both sides to the nearest whole number
        ((640, 427), {"resize": "crop", "height": 112}, (224, 0, 224, 0), (149, 18, 112, 0)),
        ((640, 427), {"resize": "squash"}, (224, 0, 224, 0), (224, 0, 224, 0)),
        ((640, 427), {"resize": "squash", "fraction": 0.5}, (448, 112, 224, 0), (448, 112, 224, 0)),
        ((640, 427), {"resize": "pad"}, (224, 0, 224, 0), (149, 0, 149, 37)),
        ((427, 640), {"resize": "pad"}, (149, 0, 149, 37), (224, 0, 224, 0)),
        ((640, 427), {"resize": "pad", "fraction": 0.875}, (256, 16, 224, 0), (171, 0, 171, 26)),
        ((1, 10_000), {"resize": "pad"}, (1, 0, 1, 111), (224, 0, 224, 0)),
    ],
)
def test_where_each_side_goes(size: tuple[int, int], given: dict[str, Any], across: Any, down: Any) -> None:
    found = spans(*size, Spec(**{"height": 224, "width": 224} | given))
    wide, high = (given.get(side, 224) for side in ("width", "height"))
    assert found == (Span(*[size[0], *across, wide]), Span(*[size[1], *down, high]))


def test_a_fraction_of_whole_numbers_gives_the_whole_number() -> None:
    """In floats 256 / (256 / 372) is a little below 372."""
    for size, shorter in ((17, 25), (224, 354), (256, 372), (288, 448)):
        assert int(size / (size / shorter)) == shorter - 1
        assert target_of(Spec(height=size, width=2 * size, fraction=size / shorter)) == (2 * shorter, shorter)


def test_the_bars_beside_a_padded_picture_have_the_colour_and_the_odd_pixel_is_last() -> None:
    white = Image.new("RGB", (20, 10), "white")
    found = image_array(white, Spec(height=9, width=8, resize="pad", fill=(1, 2, 3)))
    assert found[0].tolist() == [[1] * 8] * 2 + [[255] * 8] * 4 + [[1] * 8] * 3
    assert found[:, 0, 0].tolist() == [1, 2, 3]
    assert image_array(white, Spec(height=9, width=8, resize="pad"))[:, 0, 0].tolist() == [0, 0, 0]


def test_every_size_shape_and_way_gives_what_the_network_takes() -> None:
    random = np.random.default_rng(0)
    for number, (resize, how) in enumerate(list(itertools.product(RESIZES, INTERPOLATIONS)) * 12):
        width, height, wide, high = random.integers(1, 40, 4).tolist()
        antialias = how not in SAMPLED or bool(number % 2)
        spec = Spec("RGB", high, wide, resize, random.uniform(0.3, 1), how, antialias)
        found = image_array(noise(number, height, width), spec)
        assert found.dtype == np.uint8
        assert (found.shape, found.flags.c_contiguous) == ((3, high, wide), True), spec


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("how", INTERPOLATIONS)
def test_a_picture_of_one_colour_stays_so(resize: str, how: str) -> None:
    for antialias in {True, how not in SAMPLED}:
        spec = Spec("RGB", 9, 17, resize, 0.8, how, antialias, fill=(7, 8, 9))
        found = image_array(Image.new("RGB", (31, 14), (7, 8, 9)), spec)
        assert np.unique(found.reshape(3, -1), axis=1).tolist() == [[7], [8], [9]]


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("fraction", [1.0, 0.875, 224 / 232, 0.3])
def test_a_framed_sample_becomes_the_sample_again(resize: str, fraction: float) -> None:
    for height, width in ((8, 8), (7, 12), (224, 224)):
        spec = Spec(height=height, width=width, resize=resize, fraction=fraction, interpolation="bicubic")
        sample = np.asarray(noise(0, height, width)).transpose(2, 0, 1)
        frame = framed(sample, spec)
        assert frame.shape[:0:-1] == target_of(spec)
        np.testing.assert_array_equal(image_array(Image.fromarray(frame.transpose(1, 2, 0)), spec), sample)


def test_a_tall_and_narrow_picture_is_resized_by_columns_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows alone would be more than a picture may have; the answer is the same but for one rounding."""
    picture, spec = noise(0, 200, 9), Spec(height=20, width=30, interpolation="bicubic")
    usual = image_array(picture, spec)
    monkeypatch.setattr("torchferry.contract.resize.MAX_BETWEEN", 5_999)
    sizes: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def noted(image: Image.Image, size: tuple[int, int], *more: Any) -> Image.Image:
        sizes.append(size)
        return resize(image, size, *more)

    monkeypatch.setattr(Image.Image, "resize", noted)
    assert difference(image_array(picture, spec), usual) <= 2
    assert sizes == [(9, 20), (30, 20)]


@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
def test_of_a_picture_that_would_be_too_large_the_middle_alone_is_resized(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Spec(height=48, width=48, resize="crop", fraction=0.75, interpolation=how)
    piece = pieces(1)[0]
    usual = image_array(piece, spec)
    monkeypatch.setattr("torchferry.contract.resize.MAX_BETWEEN", 64 * 64 - 1)
    found = image_array(piece, spec).astype(int)
    assert np.abs(found - usual).mean() < 0.2  # of a whole level


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"resize": "stretch"}, "resize: stretch is not one of squash, crop, pad"),
        ({"fraction": 0.0}, "fraction: 0.0 is not from 0.1 to 1"),
        ({"fraction": 0.09}, "fraction: 0.09 is not from 0.1 to 1"),
        ({"fraction": 1.5}, "fraction: 1.5 is not from 0.1 to 1"),
        ({"fraction": float("nan")}, "fraction: nan is not from 0.1 to 1"),
        (
            {"interpolation": "cubic"},
            "interpolation: cubic is not one of nearest, bilinear, bicubic, lanczos, box, hamming",
        ),
        (
            {"antialias": False, "interpolation": "box"},
            "antialias: box always averages; only nearest, bilinear, bicubic can do without",
        ),
        (
            {"resize": "crop", "fill": (0, 0, 0)},
            "fill: [0, 0, 0] is the colour around a picture with resize pad; resize is crop",
        ),
        ({"resize": "pad", "fill": (0, 256, 0)}, "fill: [0, 256, 0] must be 0 to 255"),
        ({}, None),
        ({"antialias": False}, None),
        ({"resize": "pad", "fill": (0, 255, 0)}, None),
    ],
)
def test_what_cannot_be_is_named(given: dict[str, Any], words: str | None) -> None:
    assert wrong(Spec(**given)) == words


def test_a_picture_of_the_right_size_is_taken_as_it_is() -> None:
    picture = noise(0)
    across, down = spans(10, 12, Spec())
    np.testing.assert_array_equal(fitted(picture, across, down, Spec()), np.asarray(picture))
