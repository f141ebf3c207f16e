"""The options of export that say how a file becomes the picture that a network takes."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from torchferry.arguments import finite
from torchferry.contract.resize import INTERPOLATIONS, KEEP, LEAST_FRACTION, RESIZES
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.training.data.source import ImageInput

PLAIN = ("interpolation", "antialias", "fill", "normalize", "mean", "std", "exif", "jpeg")
OPTIONS = {"antialias": "--no-antialias"}
"""Those whose names differ from the argument's."""


def add_picture_options(group: argparse._ArgumentGroup) -> None:
    """They hold for each picture. None of them has a default here, so that `given` tells what was said."""
    prepared = "prepare pictures as torchvision's weights of this name do, or a preprocessor_config.json says"
    group.add_argument("--preprocess", metavar="NAME|FILE", help=prepared)
    group.add_argument(
        "--resize",
        type=_resize,
        metavar="HOW[:FRACTION]",
        help="for a picture of another shape: squash (default), crop or pad; crop:0.875 resizes the shorter side to "
        "size / 0.875 and keeps the middle",
    )
    group.add_argument("--interpolation", choices=INTERPOLATIONS, help="how pictures are resized (default bilinear)")
    single = "take single pixels of larger pictures, as OpenCV does, instead of averaging as Pillow does"
    group.add_argument("--no-antialias", dest="antialias", action="store_const", const=False, help=single)
    colour = "of --resize pad: the colour beside a picture, 0 to 255 for each channel (default its mean)"
    group.add_argument("--fill", type=_whole_numbers, metavar="R,G,B", help=colour)
    named = "the mean and std of pictures (default imagenet)"
    group.add_argument("--normalize", choices=("imagenet", "half", "none"), help=named)
    for name in ("mean", "std"):
        group.add_argument(f"--{name}", type=_numbers, metavar="R,G,B", help="of values 0..1, instead of --normalize's")
    turned = "whether servers turn pictures upright as their EXIF orientation says (default apply)"
    group.add_argument("--exif", choices=("apply", "ignore"), help=turned)
    scaled = "full (default), or scaled: decode large JPEGs at a part of their size; measured on --eval-data"
    group.add_argument("--jpeg", choices=("full", "scaled"), help=scaled)


def given(options: argparse.Namespace) -> dict[str, Any]:
    """What was said, as arguments of image_input."""
    said = {name: value for name in PLAIN if (value := getattr(options, name)) is not None}
    return said if options.resize is None else said | options.resize


def check_is_for_pictures(options: argparse.Namespace, inputs: Sequence[GivenInput]) -> None:
    """Raises UserError for an option that nothing would heed."""
    pictures = [each for each in inputs if isinstance(each.of, ImageInput)]
    if (said := given(options)) and not pictures:
        raise UserError(f"{_option(said)}: is for pictures, and no --input is one")
    if "resize" in said and all(each.bounds for each in pictures):
        raise UserError(f"--resize: is for pictures of one size; those of --input {pictures[0].text} have their own")


def check_is_for_model(options: argparse.Namespace) -> None:
    """Raises UserError where a run is exported, which was trained with what the option says."""
    said = given(options) | ({} if options.preprocess is None else {"preprocess": options.preprocess})
    if said:
        raise UserError(f"{_option(said)}: is for a model that was not trained here; a run has its own")


def assumed(inputs: Sequence[GivenInput], known: Mapping[str, Any]) -> str | None:
    """A line on what nobody said of pictures, if there is something; `known` are arguments of image_input."""
    pictures = [each.of for each in inputs if isinstance(each.of, ImageInput)]
    sizes = dict.fromkeys(f"{each.height} x {each.width}" for each in pictures if each.resize != KEEP)
    lacking = []
    if "resize" not in known and sizes:
        lacking.append(f"--resize squash, which resizes any shape to {' and '.join(sizes)}")
    if "interpolation" not in known:
        lacking.append("--interpolation bilinear")
    if "normalize" not in known and not {"mean", "std"} <= set(known):
        lacking.append("--normalize imagenet")
    if not pictures or not lacking:
        return None
    hint = (
        "; most published weights want --resize crop:0.875, and --preprocess takes what they say"
        if "resize" not in known and sizes
        else ""
    )
    return f"assumed of the model's pictures: {', '.join(lacking)}{hint}"


def alike(inputs: Sequence[GivenInput], known: Mapping[str, Any]) -> str | None:
    """A line on what holds for several pictures at once; `known` are arguments of image_input."""
    names = [each.name for each in inputs if isinstance(each.of, ImageInput)]
    options = [option_of(name) for name in known if name != "fraction"]
    if len(names) < 2 or not options:
        return None
    return f"each picture ({', '.join(names)}) is prepared alike, but for its size and colours: {', '.join(options)}"


def option_of(name: str) -> str:
    """As it is written, of its name in the parsed options."""
    return OPTIONS.get(name, f"--{name.replace('_', '-')}")


def _option(said: Mapping[str, Any]) -> str:
    return option_of("resize" if "resize" in said else next(iter(said)))


def _resize(text: str) -> dict[str, Any]:
    """`crop:0.875` as resize and fraction."""
    word, colon, share = text.partition(":")
    if word not in RESIZES:
        meant = did_you_mean(word, RESIZES, f"give {', '.join(RESIZES)}")
        raise UserError(f"--resize: '{word}' is no way to resize{meant}")
    try:
        fraction = float(share) if colon else 1.0
    except ValueError:
        fraction = 0.0
    if not LEAST_FRACTION <= fraction <= 1:
        raise UserError(f"--resize: '{share}' is not a fraction from {LEAST_FRACTION} to 1, such as {word}:0.875")
    return {"resize": word, "fraction": fraction}


def _numbers(text: str) -> list[float]:
    try:
        return [finite(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not numbers with commas between, such as 0.5,0.5,0.5") from error


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not whole numbers with commas between, as 0,0,0") from error
