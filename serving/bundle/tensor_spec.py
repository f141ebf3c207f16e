"""A tensor of a model as model.json describes it: its shape, which of its axes vary, and how a file becomes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torchferry.contract.axes import Axis, pad_value, read_axes
from torchferry.contract.resize import wrong
from torchferry.contract.table import TableSpec


@dataclass(frozen=True, kw_only=True)
class ImageDecode:
    """How the bytes of an image file become the input tensor, uint8 [channels, height, width]."""

    kind: Literal["image"] = "image"
    mode: str
    """Pillow's name for the colours: L, LA, RGB, RGBA or CMYK."""
    height: int
    width: int
    interpolation: str
    exif: str = "ignore"
    """apply turns a picture upright as its EXIF orientation says; a bundle of before this key means ignore."""
    resize: str = "squash"
    """squash, crop or pad: what becomes of a picture whose sides have another ratio; torchferry.contract.resize has the
    rules. A bundle of before this key, and of before those below, means the default."""
    fraction: float = 1.0
    """0.1 to 1: the share of the resized picture's side that is kept, around the middle."""
    antialias: bool = True
    """Whether a picture that is made smaller is averaged."""
    fill: tuple[int, ...] = ()
    """The colour around a padded picture, 0..255 per channel; zeros where it is empty."""
    jpeg: str = "full"
    """scaled decodes a JPEG much larger than this at a part of its size."""


@dataclass(frozen=True, kw_only=True)
class TextDecode:
    """How a text becomes the input tensor, INT64 [tokens]: its axis has the fewest and most, its `pad` the token that
    stands behind shorter texts, of which the network takes no notice."""

    kind: Literal["text"] = "text"
    tokenizer: str = "tokenizer.json"
    """The bundle's file, of Hugging Face's tokenizers."""
    truncate: bool = True
    """Whether a longer text is cut, or refused."""


@dataclass(frozen=True, kw_only=True)
class AudioDecode:
    """How the bytes of a sound file become the input tensor, FP32 [samples] in -1..1, of one channel."""

    kind: Literal["audio"] = "audio"
    rate: int
    """Samples a second."""
    truncate: bool = True
    """Whether a longer sound is cut, or refused."""


Decode = ImageDecode | TextDecode | AudioDecode
DECODES: Mapping[str, type[Decode]] = {"image": ImageDecode, "text": TextDecode, "audio": AudioDecode}


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """A tensor in the words of the Open Inference Protocol."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """-1 stands for the batch, and for each of `axes`."""
    axes: tuple[Axis, ...] = ()
    """Those that vary from sample to sample, in their order."""
    pad: float | str | None = None
    """Of an input with such axes: what stands behind a shorter sample where samples of unequal sizes are computed
    together, "NaN" for NaN. None where only samples of one size are."""
    labels: tuple[str, ...] | None = None
    """What the classes are called that this output scores, [batch, classes], where a model has several outputs."""
    allow_nan: bool | None = None
    """Whether NaN is taken, of an input of floating-point numbers. None in a bundle of before this key, whose raw
    elements are taken as they come, infinities as well."""
    allow_infinity: bool | None = None
    """Whether infinities are taken as well, such as those of a mask that is added to scores."""
    table: TableSpec | None = None
    """What the numbers of a row stand for, where the input is a table's and training said it."""
    decode: Decode | None = None
    """How a file or a text becomes this input; None where requests carry its numbers. In a bundle of before this key it
    stands beside the inputs, of which it is the first one's."""

    @property
    def image(self) -> ImageDecode | None:
        """How a picture becomes this input, where one does."""
        return self.decode if isinstance(self.decode, ImageDecode) else None

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "TensorSpec":
        """Raises ValueError, KeyError and TypeError."""
        labels, table, decode = content.get("labels"), content.get("table"), content.get("decode")
        shape = tuple(content["shape"])
        if (pad := content.get("pad")) is not None:
            pad_value(pad)
        return cls(
            **{
                **content,
                "shape": shape,
                "axes": read_axes(content.get("axes", ()), shape),
                "labels": labels and tuple(labels),
                "table": table and TableSpec.of_json(table),
                "decode": decode and _decode(decode),
            }
        )


def _decode(content: Mapping[str, Any]) -> Decode:
    """Raises ValueError for words of a later version, whose pictures would be resized in another way here."""
    kind = DECODES[content["kind"]]
    if kind is not ImageDecode:
        return kind(**content)
    decode = ImageDecode(**{**content, "fill": tuple(content.get("fill", ()))})
    if words := wrong(decode):
        raise ValueError(f"decode.{words}")
    return decode
