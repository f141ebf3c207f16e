"""Axes of a tensor that vary: their bounds, and what stands behind a sample that is shorter than others. No torch.

Axis 0 is the batch and is none of these.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

NAN = "NaN"
"""As model.json has the number, which JSON has not."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Of an input: any size from `least` to `most` that is a multiple of `step`. Of an output with the name of an
    input's axis: that axis's size; with a name of its own: whatever the network gives."""

    at: int
    """Its place in the shape, 1 or more."""
    name: str
    """Inputs whose axes have one name have one size there."""
    least: int = 1
    most: int | None = None
    """None of an output's, where it is not known."""
    step: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for bounds between which there is no size."""
        counts = (self.at, self.least, self.step, *([] if self.most is None else [self.most]))
        if not self.name or any(type(count) is not int or count < 0 for count in counts) or not (self.at and self.step):
            raise ValueError(f"axis {self.name!r} at {self.at}: its place, bounds and step are whole numbers")
        if self.most is not None and not self.sizes:
            raise ValueError(f"axis '{self.name}': there is no {self.words}")

    @property
    def sizes(self) -> range:
        """All that it may have. Of an axis with bounds."""
        assert self.most is not None
        return range(-(-self.least // self.step) * self.step, self.most + 1, self.step)

    @property
    def words(self) -> str:
        if self.most is None:
            return "any size"
        bounds = f"{self.least:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"
        return bounds if self.step == 1 else f"multiple of {self.step} from {bounds}"

    def takes(self, size: int) -> bool:
        return self.most is None or size in self.sizes


class Varying(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def axes(self) -> tuple[Axis, ...]: ...


class Padded(Varying, Protocol):
    @property
    def pad(self) -> float | str | None: ...


class Shaped(Protocol):
    @property
    def shape(self) -> Sequence[int]: ...


def wrong_size(spec: Varying, shape: Sequence[int]) -> str:
    """What is wrong with a shape that is otherwise the tensor's, in words; empty where nothing is."""
    for axis in spec.axes:
        if not axis.takes(shape[axis.at]):
            return f"'{spec.name}' has {shape[axis.at]:,} {axis.name}; the model takes {axis.words}"
    return ""


def unequal(specs: Sequence[Varying], tensors: Mapping[str, Shaped]) -> str:
    """Inputs that share an axis and have other sizes there, in words; empty where none has."""
    sizes: dict[str, tuple[str, int]] = {}
    for spec in specs:
        for axis in spec.axes if spec.name in tensors else ():
            size = tensors[spec.name].shape[axis.at]
            first, expected = sizes.setdefault(axis.name, (spec.name, size))
            if size != expected:
                return f"'{spec.name}' has {size:,} {axis.name}, and '{first}' has {expected:,}; they share that axis"
    return ""


def pad_value(pad: Any) -> float:
    """Of the `pad` that a tensor's entry in model.json has; a whole number stays exact. Raises ValueError."""
    return pad if isinstance(pad, int) else math.nan if pad == NAN else float(pad)


def stacked(tensors: Sequence[np.ndarray], spec: Padded) -> np.ndarray:
    """Tensors of one or more samples each as one; shorter ones have the `pad` behind them, up to the longest.

    Raises ValueError where they are of unequal sizes and nothing says what stands behind the shorter ones.
    """
    largest = list(tensors[0].shape)
    for axis in spec.axes:
        largest[axis.at] = max(tensor.shape[axis.at] for tensor in tensors)
    sizes = largest[1:]
    if all([*tensor.shape[1:]] == sizes for tensor in tensors):
        return np.concatenate(tensors)
    if spec.pad is None:
        given = ", ".join(sorted({str([*tensor.shape[1:]]) for tensor in tensors}))
        raise ValueError(f"'{spec.name}' has samples of unequal sizes, {given}, and no value that stands behind them")
    whole = np.full([sum(map(len, tensors)), *sizes], pad_value(spec.pad), tensors[0].dtype)
    start = 0
    for tensor in tensors:
        own = (slice(start, start + len(tensor)), *map(slice, tensor.shape[1:]))
        whole[own] = tensor
        start += len(tensor)
    return whole


def sizes_of(specs: Sequence[Varying], tensors: Mapping[str, Shaped]) -> dict[str, int]:
    """By the axis's name, of tensors whose samples have one size."""
    return {
        axis.name: tensors[spec.name].shape[axis.at] for spec in specs if spec.name in tensors for axis in spec.axes
    }


def cut(values: np.ndarray, spec: Varying, sizes: Mapping[str, int]) -> np.ndarray:
    """The leading part of an output, whose axes of these names have these sizes: what is left was padding. A view."""
    part = [slice(None)] * values.ndim
    for axis in spec.axes:
        if axis.name in sizes:
            part[axis.at] = slice(sizes[axis.name])
    return values[tuple(part)]


def read_axes(content: Sequence[Mapping[str, Any]], shape: Sequence[int]) -> tuple[Axis, ...]:
    """Of a tensor's entry in model.json. Raises ValueError for axes that are not those of the shape that are -1."""
    axes = tuple(Axis(**each) for each in content)
    varying = [at for at, size in enumerate(shape) if at and size == -1]
    if [axis.at for axis in axes] != varying:
        raise ValueError(f"axes are at {[axis.at for axis in axes]}, and the shape is {list(shape)}")
    return axes
