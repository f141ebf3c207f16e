"""The grammar of --input: `[NAME=]image[:L]:SIZE`, `[NAME=]table:COLUMNS` or `[NAME=]tensor:DATATYPE:SHAPE`.

NAME is one of the names of forward; with dots, such as batch.mask, a key of the dict that it takes.
"""

import re
from dataclasses import dataclass
from typing import Literal

from torchferry.errors import UserError
from torchferry.serving.export.tensor_names import NAME, RULE
from torchferry.training.data.pictures.image_input import Exif, Normalize, image_input
from torchferry.training.data.source import ImageInput, Input, TensorInput

WORDS = re.compile(r"(?:(?P<name>[^=]*)=)?(?P<kind>image|table|tensor):(?:(?P<type>[A-Z]\w*):)?(?P<sizes>\d+(?:x\d+)*)")
NAMES = {"image": "image", "table": "row", "tensor": "input"}
DATATYPES: dict[str, Literal["float32", "int64"]] = {"FP32": "float32", "INT64": "int64"}


@dataclass(frozen=True)
class GivenInput:
    name: str
    of: Input
    named: bool = False
    """Whether the user has said its name."""
    text: str = ""
    """As it was given."""

    @property
    def datatype(self) -> str:
        """In the Open Inference Protocol."""
        if isinstance(self.of, ImageInput):
            return "UINT8"
        return "INT64" if isinstance(self.of, TensorInput) and self.of.datatype == "int64" else "FP32"


def read_input(text: str, number: int, normalize: Normalize, exif: Exif = "apply") -> GivenInput:
    """The `number`th of the network's arguments, from 0."""
    found = WORDS.fullmatch(text)
    if found is None:
        raise _refused(text, "image:224, image:L:28x28, table:8 and tensor:FP32:3x16 are examples of what can be said")
    _check_name(text, found["name"])
    kind, word = found["kind"], found["type"]
    sizes = tuple(int(size) for size in found["sizes"].split("x"))
    if min(sizes) < 1:
        raise _refused(text, "a size is 1 or more")
    name = found["name"] or NAMES[kind] + (f"_{number}" if number else "")
    return GivenInput(name, _content(text, kind, word, sizes, normalize, exif), found["name"] is not None, text)


def _content(text: str, kind: str, word: str | None, sizes: tuple[int, ...], normalize: Normalize, exif: Exif) -> Input:
    if kind == "image":
        if word not in (None, "RGB", "L") or len(sizes) > 2:
            raise _refused(text, "an image is RGB or L (grey), of one size or HEIGHTxWIDTH")
        return image_input(sizes[0], sizes[-1], word or "RGB", normalize=normalize, exif=exif)  # type: ignore[arg-type]
    if kind == "table":
        if word is not None or len(sizes) > 1:
            raise _refused(text, "a table has a number of columns, such as table:8")
        return TensorInput(shape=sizes)
    if word not in DATATYPES:
        raise _refused(text, f"a tensor's datatype is one of {', '.join(DATATYPES)}")
    return TensorInput(shape=sizes, datatype=DATATYPES[word])


def _check_name(text: str, name: str | None) -> None:
    if name is not None and not (NAME.fullmatch(name) and all(name.split("."))):
        raise _refused(text, f"{RULE}, and each of its parts between dots has one or more")


def _refused(text: str, expected: str) -> UserError:
    return UserError(f"--input: '{text}' is not understood; {expected}")
