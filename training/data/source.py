"""The interface of data sources: two data sets, the labels, and what a sample means to the network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.contract.axes import Axis
from torchferry.contract.cells import CellText
from torchferry.contract.encoders import Encoder
from torchferry.contract.image import CHANNELS
from torchferry.training.data.varying_inputs import AudioInput, SeriesInput, TextInput, VaryingInput, blank_varying


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """An image as the network takes it: uint8 [channels, height, width].

    A server decodes a file to exactly this; scaling and normalisation belong to the model.
    """

    mode: Literal["L", "LA", "RGB", "RGBA", "CMYK"]
    """Pillow's name for the colours: L is grey, one channel; RGB has three; A is alpha, one more."""
    height: int | Axis
    """An axis of a model that is served with pictures of their own size; it was trained with one size."""
    width: int | Axis
    resize: Literal["squash", "crop", "pad", "keep"] = "squash"
    """What becomes of an image whose sides have another ratio, keep where they vary; torchferry.contract.resize has the
    rules."""
    fraction: float = 1.0
    """0.1 to 1: the share of the resized image's side that is kept, around the middle."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear"
    """How an image of another size is resized."""
    antialias: bool = True
    """Whether an image that is made smaller is averaged."""
    fill: tuple[int, ...] = ()
    """The colour beside an image that does not fill its place, 0..255 per channel; zeros where it is empty."""
    mean: tuple[float, ...]
    """Per channel, of values scaled to 0..1."""
    std: tuple[float, ...]
    """Per channel, of values scaled to 0..1."""
    exif: Literal["apply", "ignore"] = "ignore"
    """Whether a picture is turned upright as its EXIF orientation says. Sources say apply; a model card of before this
    key means ignore, as it was trained."""
    jpeg: Literal["full", "scaled"] = "full"
    """Whether a JPEG much larger than the network's size is decoded at a part of its own, as torchferry.contract's
    scaled_jpeg does it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """-1 stands for a side that varies."""
        sides = (-1 if isinstance(side, Axis) else side for side in (self.height, self.width))
        return (CHANNELS[self.mode], *sides)


@dataclass(frozen=True, kw_only=True)
class TableInput:
    """One row of a table: float64 or float32 [columns]. Scaling belongs to the model."""

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    """Per column."""
    std: tuple[float, ...]
    """Per column."""
    datatype: Literal["float32", "float64"] = "float32"
    """In which it is scaled, before the network takes it as float32; cards that do not say so are of float32."""
    encoders: tuple[Encoder, ...] = ()
    """What made these columns of a table's own, in the same order; none where these are its own, as they are."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.columns),)


@dataclass(frozen=True, kw_only=True)
class TensorInput:
    """A tensor of fixed shape that the network takes as it is: float32, int64 for token and category ids, or another of
    torch's datatypes, or strings, that a network from elsewhere takes."""

    shape: tuple[int, ...]
    datatype: Literal[
        "float32",
        "int64",
        "float16",
        "float64",
        "bool",
        "int8",
        "int16",
        "int32",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bfloat16",
        "string",
    ] = "float32"


Input = ImageInput | TableInput | TensorInput | TextInput | AudioInput | SeriesInput


def pad_of(input: Input) -> float | None:
    """What stands behind a shorter sample; None where all have one size."""
    return input.pad if isinstance(input, VaryingInput) else None


def blank(input: Input, samples: int) -> torch.Tensor:
    """What a network takes: [samples, ...] as the input says; zeros where all samples have one size."""
    if isinstance(input, VaryingInput):
        return blank_varying(input, samples)
    datatype = torch.uint8 if isinstance(input, ImageInput) else getattr(torch, input.datatype)
    return torch.zeros(samples, *input.shape, dtype=datatype)


@dataclass(frozen=True, kw_only=True)
class TargetScale:
    """Of regression: the network learns (target - mean) / std, and the model scales back what the network gives."""

    mean: tuple[float, ...]
    """Per output, in the target's own units."""
    std: tuple[float, ...]
    """Per output, in the target's own units."""


TargetScales = TargetScale | Mapping[str, TargetScale]
"""Of several targets by the names of those that are scaled."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which samples a data set holds, so that a run which goes on can tell whether they are the same."""

    samples: int
    sha256: str | None
    """Of their names and sizes, in order; of a table's rows. None where they are not known before they are read."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Two data sets of (input, target).

    An input is a tensor as `input` says. A target is as `targets` says: an int64 class index, float64 or float32
    [outputs] in their own units, or what another task takes, tensors or tensors in a dict. A data set that lies in
    memory is a `torch.utils.data.TensorDataset`; then batches are taken from it by one indexing operation, on the
    device if asked for.

    Samples of unequal length come as long as they are. A data set that knows the lengths before it reads the samples
    has `lengths`, int64 [samples].
    """

    train: Dataset
    """Map-style, or an IterableDataset that has a length: the samples it gives in one pass."""
    test: Dataset
    """Map-style."""
    labels: tuple[str, ...]
    """The classes' names, which a class index points into; for regression the outputs' names."""
    input: Input
    targets: str = "classes"
    """What a sample's target is: classes, values, or what else a task takes; several, of which `parts` says each."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of several targets, tensors in a dict, what each is, in the order of a data set's tensors. The labels are
    `label_of` each one's, one after the other."""
    target_scale: TargetScales | None = None
    """None where the network learns the targets as they are."""
    ignore_index: int | None = None
    """Of masks, what they say of pixels that are neither learnt nor judged; None where that is the task's usual one."""
    order: Callable[[int, int], np.ndarray] | None = None
    """(seed, epoch) to the order of all training indices, int64; a plain permutation if there is none."""
    keys: np.ndarray | None = None
    """uint64 [training samples]: hashes of what they hold, where that is known better than from the samples."""
    listings: Mapping[str, Listing] = field(default_factory=dict)
    """Of `train` and of `test`, where the source knows its samples before it reads them."""
    damaged: tuple[str, ...] = ()
    """What could not be read when the samples were listed, one line each; `data.on_corrupt` says what happens then."""
    refit: "Callable[[Input], Source] | None" = None
    """The same samples under an input that was fitted before, such as the one that a checkpoint's weights know; None
    where nothing of the input is computed from samples."""

    cell_text: CellText | None = None
    """Of a table, how the text in its cells is read."""
    target_columns: tuple[str, ...] = ()
    """Of a table, those that are predicted."""
    unread_columns: tuple[str, ...] = ()
    """Of a table, those that are neither predicted nor given to the network."""
    notes: tuple[str, ...] = ()
    """What had to be assumed or was left out, for people: a line each."""

    @property
    def train_size(self) -> int:
        return len(self.train)  # type: ignore[arg-type]  # required above

    @property
    def test_size(self) -> int:
        return len(self.test)  # type: ignore[arg-type]
