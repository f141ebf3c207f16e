"""Options for pictures: they are told to the input, refused where nothing heeds them; a line says what nobody said."""

import argparse
from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.picture_options import (
    add_picture_options,
    alike,
    assumed,
    check_is_for_model,
    check_is_for_pictures,
    given,
)

HELP = "; torchferry export --help says more"


def options(text: str) -> argparse.Namespace:
    parser = Parser(prog="torchferry export")
    add_picture_options(parser.add_argument_group("pictures"))
    found: argparse.Namespace = parser.parse_args(text.split())
    return found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", {}),
        ("--resize squash", {"resize": "squash", "fraction": 1.0}),
        ("--resize crop:0.875", {"resize": "crop", "fraction": 0.875}),
        ("--resize pad --fill 114,114,114", {"resize": "pad", "fraction": 1.0, "fill": [114, 114, 114]}),
        ("--interpolation bicubic --no-antialias", {"interpolation": "bicubic", "antialias": False}),
        ("--mean 0.5,0,1 --std=1,2,3e-1", {"mean": [0.5, 0.0, 1.0], "std": [1.0, 2.0, 0.3]}),
        ("--normalize half --exif ignore", {"normalize": "half", "exif": "ignore"}),
    ],
)
def test_what_is_said_and_nothing_else_is_told_to_the_input(text: str, said: dict[str, Any]) -> None:
    assert given(options(text)) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--resize corp", "--resize: 'corp' is no way to resize; did you mean crop?"),
        ("--resize letterbox", "--resize: 'letterbox' is no way to resize; give squash, crop, pad"),
        ("--resize crop:", "--resize: '' is not a fraction from 0.1 to 1, such as crop:0.875"),
        ("--resize crop:87.5", "--resize: '87.5' is not a fraction from 0.1 to 1, such as crop:0.875"),
        ("--resize pad:nan", "--resize: 'nan' is not a fraction from 0.1 to 1, such as pad:0.875"),
        ("--mean 0.5,x", f"argument --mean: '0.5,x' is not numbers with commas between, such as 0.5,0.5,0.5{HELP}"),
        ("--std 1,inf", f"argument --std: inf is not a finite number{HELP}"),
        ("--fill 0,0.5,0", f"argument --fill: '0,0.5,0' is not whole numbers with commas between, as 0,0,0{HELP}"),
    ],
)
def test_what_is_no_way_is_refused_in_one_line(text: str, words: str) -> None:
    assert refusal(lambda: options(text)) == words


def test_an_option_that_nothing_would_heed_is_refused() -> None:
    table, picture = (read_input(text, 0, {}) for text in ("table:3", "image:8"))
    cropped = options("--resize crop --interpolation box")
    check_is_for_pictures(cropped, [table, picture])
    check_is_for_pictures(options(""), [table])
    assert (
        refusal(lambda: check_is_for_pictures(cropped, [table])) == "--resize: is for pictures, and no --input is one"
    )
    single = options("--no-antialias")
    assert "--no-antialias: is for pictures" in refusal(lambda: check_is_for_pictures(single, [table]))


def test_pictures_of_their_own_size_are_not_resized() -> None:
    own, picture = (read_input(text, 0, {"resize": "crop"}) for text in ("image:[8..32]x[8..64]", "image:8"))
    words = "--resize: is for pictures of one size; those of --input image:[8..32]x[8..64] have their own"
    assert refusal(lambda: check_is_for_pictures(options("--resize crop"), [own])) == words
    check_is_for_pictures(options("--resize crop"), [own, picture])
    check_is_for_pictures(options("--fill 0,0,0"), [own])
    assert assumed([own], {}) == "assumed of the model's pictures: --interpolation bilinear, --normalize imagenet"


def test_a_run_has_its_own() -> None:
    check_is_for_model(options(""))
    words = "--interpolation: is for a model that was not trained here; a run has its own"
    assert refusal(lambda: check_is_for_model(options("--interpolation bicubic"))) == words
    for option in ("preprocess", "jpeg"):
        with pytest.raises(UserError, match=f"--{option}: is for a model"):
            check_is_for_model(options(f"--{option} full"))


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            {},
            "--resize squash, which resizes any shape to 8 x 6, --interpolation bilinear, --normalize imagenet; "
            "most published weights want --resize crop:0.875, and --preprocess takes what they say",
        ),
        ({"resize": "crop", "interpolation": "bicubic"}, "--normalize imagenet"),
        ({"resize": "crop", "mean": [0.0], "normalize": "half"}, "--interpolation bilinear"),
        ({"resize": "crop", "mean": [0.0], "std": [1.0], "interpolation": "bicubic"}, None),
    ],
)
def test_one_line_says_what_nobody_said_of_pictures(known: dict[str, Any], words: str | None) -> None:
    picture, table = read_input("image:8x6", 0, {}), read_input("table:3", 1, {})
    line = assumed([picture, table], known)
    assert line == (words and f"assumed of the model's pictures: {words}")
    assert assumed([picture, picture], known) == line
    assert assumed([table], {}) is None


def test_what_holds_for_several_pictures_is_said() -> None:
    left, right, table = (read_input(text, 0, {}) for text in ("left=image:8", "right=image:L:6", "table:3"))
    known = {"resize": "crop", "fraction": 0.8, "antialias": False}
    words = "each picture (left, right) is prepared alike, but for its size and colours: --resize, --no-antialias"
    assert alike([left, table, right], known) == words
    assert alike([left, table], known) is None
    assert alike([left, right], {}) is None
