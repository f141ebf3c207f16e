"""The grammar of --input: `[NAME=]image[:MODE]:SIZE`, `[NAME=]table:COLUMNS` or `[NAME=]tensor:DATATYPE[:SHAPE]`, which
without a shape is one number a sample; `NAME:DATATYPE[:SHAPE]` is a tensor as well. A SIZE of bounds, such as
[224..1024/32]x[224..1024/32], is for pictures of their own size.

NAME is one of the names of forward; with dots, such as batch.mask, a key of the dict that it takes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torchferry.contract.axes import Axis
from torchferry.contract.image import CHANNELS
from torchferry.contract.resize import KEEP
from torchferry.errors import UserError
from torchferry.serving.codec.tensors import BFLOAT16, DTYPES, MAX_ELEMENTS, STRINGS
from torchferry.serving.export.external.given_sizes import SIZES, Bounds, elements, read_sizes
from torchferry.serving.export.external.tensor_names import NAME, RULE
from torchferry.training.data.arguments import WHAT
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.source import ImageInput, Input, TensorInput

WORDS = re.compile(
    r"(?:(?P<name>[^=\[]*)=)?(?P<kind>image|table|tensor):"
    rf"(?:(?P<type>[A-Z]\w*|\d+):(?=[\d\[]))?(?:(?P<sizes>{SIZES})|(?P<scalar>(?<=tensor:)[A-Z]\w*))"
)
SHORT = re.compile(rf"(?P<name>[^=:\[]+):(?P<type>[A-Z]+\d*)(?P<sizes>:{SIZES})?")
OF_ONE_SIZE = ("resize", "fraction")
"""Of image_input's arguments those that pictures of their own size have no use for."""
UNSIZED = re.compile(r"(?:[^=]*=)?image(?::[A-Z]+)?")
NAMES = {"image": "image", "table": "row", "tensor": "input"}
DATATYPES: dict[str, Any] = {name: str(dtype) for name, dtype in DTYPES.items()}
DATATYPES |= {BFLOAT16: "bfloat16", STRINGS: "string"}
"""Torch's and numpy's names, by the protocol's. Numpy has no bfloat16, and torch has no strings."""
OF_TORCH = {name: word for word, name in DATATYPES.items()}


@dataclass(frozen=True)
class GivenInput:
    name: str
    of: Input
    named: bool = False
    """Whether the user has said its name."""
    text: str = ""
    """As it was given."""
    bounds: tuple[Bounds, ...] = ()
    """Of the axes that vary, which are -1 in `of.shape`."""
    pad: float | str | None = None
    """What stands behind a shorter sample; None where nothing does."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(each.axis(self.name) for each in self.bounds)

    @property
    def elements(self) -> int:
        """Of its largest sample."""
        return elements(self.of.shape, self.bounds)

    @property
    def datatype(self) -> str:
        """In the Open Inference Protocol."""
        if isinstance(self.of, ImageInput):
            return "UINT8"
        return OF_TORCH[self.of.datatype] if isinstance(self.of, TensorInput) else "FP32"


def read_input(text: str, number: int, picture: Mapping[str, Any]) -> GivenInput:
    """The `number`th of the network's arguments, from 0. `picture` are image_input's arguments beside mode and size."""
    found = WORDS.fullmatch(_in_full(text))
    if found is None:
        if UNSIZED.fullmatch(text):
            raise UserError(f"--input: '{text}' has no size, and nothing says it; give {text}:224, or --preprocess")
        raise _refused(text, "image:224, image:L:28x28, table:8 and tensor:FP32:3x16 are examples of what can be said")
    _check_name(text, found["name"])
    kind, word = found["kind"], found["type"] or found["scalar"]
    try:
        sizes, bounds = read_sizes(found["sizes"] or "")
    except ValueError as error:
        raise _refused(text, str(error)) from error
    if bounds and kind == "table":
        raise _refused(text, "an axis that varies is a tensor's or a picture's, and a table has one number of columns")
    if 0 in sizes and kind != "tensor":
        raise _refused(text, "a size is 1 or more")
    name = found["name"] or NAMES[kind] + (f"_{number}" if number else "")
    if bounds and kind == "image":
        bounds = _sides(text, bounds, len(sizes), f"{name}_" if number else "")
    content = _content(text, kind, word, sizes, picture, bounds)
    given = GivenInput(name, content, found["name"] is not None, text, bounds)
    if given.elements > MAX_ELEMENTS:
        most = "up to " if bounds else ""
        raise UserError(f"--input: '{text}' has {most}{given.elements:,} elements; servers take up to {MAX_ELEMENTS:,}")
    return given


def _in_full(text: str) -> str:
    """Of a tensor that is said by its name and its datatype alone."""
    found = SHORT.fullmatch(text)
    if found is None or found["type"] not in DATATYPES or found["name"] in NAMES:
        return text
    return f"{found['name']}=tensor:{found['type']}{found['sizes'] or ''}"


def _content(
    text: str,
    kind: str,
    word: str | None,
    sizes: tuple[int, ...],
    picture: Mapping[str, Any],
    bounds: tuple[Bounds, ...],
) -> Input:
    if kind == "image":
        return _image(text, word or "RGB", sizes, picture, bounds)
    if kind == "table":
        if word is not None or len(sizes) > 1:
            raise _refused(text, "a table has a number of columns, such as table:8")
        return TensorInput(shape=sizes)
    if word not in DATATYPES:
        raise _refused(text, f"a tensor's datatype is one of {', '.join(DATATYPES)}")
    return of_datatype(word, sizes)


def of_datatype(word: str, sizes: tuple[int, ...]) -> TensorInput:
    """`word`: the Open Inference Protocol's."""
    return TensorInput(shape=sizes, datatype=DATATYPES[word])


def _check_name(text: str, name: str | None) -> None:
    if name is not None and not (NAME.fullmatch(name) and all(name.split("."))):
        raise _refused(text, f"{RULE}, and each of its parts between dots has one or more")


def _sides(text: str, bounds: tuple[Bounds, ...], sizes: int, before: str) -> tuple[Bounds, ...]:
    """Of a picture's height and width; one alone is for each of them. `before` their names, where nobody has said some:
    two pictures of a sample need not be of one size."""
    if len(bounds) < sizes or len({each.name for each in bounds if each.name}) < sum(
        each.name is not None for each in bounds
    ):
        raise _refused(text, "height and width both vary, each for itself, or none: image:[224..1024]x[224..1024]")
    if sizes == 1 and bounds[0].name:
        raise _refused(text, f"'{bounds[0].name}' would be both height and width; name each, or none")
    both = (bounds[0], bounds[-1])
    return tuple(
        replace(each, at=at, name=each.name or before + side)
        for each, (at, side) in zip(both, ((2, "height"), (3, "width")), strict=True)
    )


def _image(
    text: str, mode: Any, sizes: tuple[int, ...], picture: Mapping[str, Any], bounds: tuple[Bounds, ...]
) -> ImageInput:
    """With `bounds` of its sides it has its own size, whatever is said of a resize."""
    if mode not in CHANNELS or len(sizes) > 2:
        modes = "RGB, L (grey), RGBA, LA or CMYK, of one size or HEIGHTxWIDTH"
        raise _refused(text, f"an image is {modes}; what has other channels is a tensor, as tensor:FP32:5x64x64")
    try:
        if bounds:
            height, width = (each.axis("") for each in bounds)
            known = {name: value for name, value in picture.items() if name not in OF_ONE_SIZE}
            padded = image_input(height.sizes[0], width.sizes[0], mode, **known, resize="pad")
            return replace(padded, height=height, width=width, resize=KEEP)
        return image_input(sizes[0], sizes[-1], mode, **picture)
    except UserError as error:
        argument, _, words = str(error).removeprefix(f"{WHAT}.").partition(": ")
        option = {"antialias": "no-antialias", "fraction": "resize"}.get(argument, argument)
        raise UserError(f"--{option}: {words}") from error


def _refused(text: str, expected: str) -> UserError:
    return UserError(f"--input: '{text}' is not understood; {expected}")
