"""A run's model served with pictures of their own size: what --sizes says of them, and the run's data decoded so.

The network was trained with one size. What it is worth with others is measured on the pictures as they are.
"""

import copy
from dataclasses import replace
from typing import Any

from torch.utils.data import Subset

from torchferry.contract.axes import Axis
from torchferry.contract.resize import KEEP
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.codec.tensors import MAX_ELEMENTS
from torchferry.serving.export.external.given_sizes import read_sizes
from torchferry.training.data.held_apart import Part
from torchferry.training.data.pictures.image_input import colour
from torchferry.training.data.source import ImageInput, Input, Source

OPTION = "--sizes"
Sides = tuple[Axis, Axis]
"""Height and width."""
NAMES = ("height", "width")
FORM = "height=64..512/16,width=64..512/16, or 64..512/16 for both, are examples of what can be said"


def read_sides(text: str) -> Sides:
    """Raises UserError."""
    words = text.split(",")
    if len(words) == 1 and "=" not in text:
        words = [f"{name}={text}" for name in NAMES]
    sides: dict[str, Axis] = {}
    for word in words:
        try:
            _, (bounds,) = read_sizes(f"[{word}]")
        except ValueError as error:
            raise UserError(f"{OPTION}: '{text}' is not understood; {FORM}") from error
        if bounds.name not in NAMES or bounds.name in sides:
            hint = did_you_mean(bounds.name or "", NAMES, FORM)
            raise UserError(f"{OPTION}: '{word}' is neither height nor width, or one of them again{hint}")
        sides[bounds.name] = replace(bounds, at=2 + NAMES.index(bounds.name)).axis("")
    if lacking := [name for name in NAMES if name not in sides]:
        raise UserError(f"{OPTION}: '{text}' does not say the {lacking[0]}; {FORM}")
    return sides["height"], sides["width"]


def of_own_size(input: Input, sides: Sides) -> ImageInput:
    """What a run's model takes then. Raises UserError for one that takes no pictures, or too large ones."""
    if not isinstance(input, ImageInput):
        raise UserError(f"{OPTION}: is for a model of pictures, and the run's takes none")
    height, width = sides
    if (elements := input.shape[0] * height.sizes[-1] * width.sizes[-1]) > MAX_ELEMENTS:
        raise UserError(f"{OPTION}: a picture would have up to {elements:,} elements; servers take up to "
                        f"{MAX_ELEMENTS:,}")  # fmt: skip
    return replace(input, height=height, width=width, resize=KEEP, fraction=1.0, fill=input.fill or colour(input.mean))


def with_own_sizes(source: Source, image: ImageInput) -> Source:
    """Its picture files decoded to their own sizes, and what belongs to them moved alike. Raises UserError for pictures
    that are in memory in a size that is not served."""
    test = _decoded(source.test, image)
    _check_size(test, image)
    return replace(source, input=image, train=_decoded(source.train, image), test=test, refit=None)


def _decoded(data: Any, image: ImageInput) -> Any:
    if isinstance(data, Subset):
        return Subset(_decoded(data.dataset, image), data.indices)
    made = copy.copy(data)
    if isinstance(data, Part):
        made.samples = _decoded(data.samples, image)
    elif isinstance(getattr(data, "image", None), ImageInput):
        made.image = image
    return made


def _check_size(data: Any, image: ImageInput) -> None:
    shape = tuple(data[0][0].shape)
    for side, axis in zip(shape[1:], (image.height, image.width), strict=True):
        assert isinstance(axis, Axis)
        if not axis.takes(side):
            raise UserError(f"{OPTION}: the run is judged on pictures of {shape[1]} x {shape[2]}; {axis.name} is to "
                            f"be {axis.words}")  # fmt: skip
