"""Samples that are made up where none are given: numbers by chance, of sizes from bound to bound."""

import math
import re
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from torchferry.contract.axes import NAN
from torchferry.errors import UserError, some
from torchferry.serving.codec.tensors import STRINGS
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.unequal import Unequal
from torchferry.serving.export.sizes import spread
from torchferry.training.data.source import ImageInput, TensorInput

MOST_SAMPLES, FEWEST = 64, 8
MOST_NUMBERS = 2**24
"""In all samples of an input: of large ones there are fewer, which would else take hours and tell no more."""
SIZES = 8
"""That samples have of each axis; as many samples share one."""
MASK, LENGTH = re.compile(r"(.*[_.])?mask"), re.compile(r"(.*[_.])?(lengths?|lens?)")
"""Names of what a network is told beside its input: which of it is a sample, and how long it is."""


def made_up(inputs: Sequence[GivenInput]) -> Dataset:
    """The same ones each time. Says what is no chance. Raises UserError for strings."""
    largest = max(each.elements for each in inputs)
    count = max(FEWEST, min(MOST_SAMPLES, MOST_NUMBERS // max(1, largest)))
    axes = {axis.name: axis for each in inputs for axis in each.axes}
    if not axes:
        return TensorDataset(*(numbers(each, (count, *each.of.shape)) for each in inputs))
    chosen = [spread(axis, SIZES) for axis in axes.values()]
    # Each axis in another order, or a picture would always be as wide as it is high.
    sizes = {
        name: np.array([ways[(sample * (place + 1) + place) % len(ways)] for sample in range(count)])
        for place, (name, ways) in enumerate(zip(axes, chosen, strict=True))
    }
    told = [each.name for each in inputs if _is_mask(each) or _is_length(each, len(axes))]
    if told:
        print(f"no --eval-data: {some(told)} made up as of a sample that is all there", flush=True)
    tensors = [_values(each, sizes, count) for each in inputs]
    return Unequal(tensors, [each.axes for each in inputs], sizes)


def _values(each: GivenInput, sizes: dict[str, np.ndarray], count: int) -> torch.Tensor:
    shape = [count, *each.of.shape]
    for axis in each.axes:
        shape[axis.at] = int(sizes[axis.name].max())
    if _is_mask(each):
        return torch.full(shape, each.pad != 1).to(_datatype(each))
    if _is_length(each, len(sizes)):
        (own,) = sizes.values()
        return torch.from_numpy(own).to(_datatype(each)).reshape(-1, *[1] * (len(shape) - 1)).expand(shape).clone()
    return numbers(each, tuple(shape))


def numbers(each: GivenInput, shape: Sequence[int]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    if isinstance(each.of, ImageInput):
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    if each.datatype == STRINGS:
        raise UserError(f"--eval-data: is missing; '{each.name}' takes strings, which cannot be made up; give an .npz "
                        "with some that the model knows")  # fmt: skip
    datatype = _datatype(each)
    if not datatype.is_floating_point:
        ids = torch.randint(0, 2, tuple(shape), generator=generator)  # that any vocabulary has
        if each.pad is not None and each.pad != NAN and datatype != torch.bool:
            free = torch.tensor([number for number in range(4) if number != each.pad])
            ids = free[torch.randint(0, len(free), tuple(shape), generator=generator)]
        return ids.to(datatype)
    drawn = torch.randn(tuple(shape), generator=generator).to(datatype)
    return drawn.float() if datatype == torch.bfloat16 else drawn


def _datatype(each: GivenInput) -> torch.dtype:
    datatype: torch.dtype = getattr(torch, each.of.datatype) if isinstance(each.of, TensorInput) else torch.float32
    return datatype


def _is_mask(each: GivenInput) -> bool:
    """Of whole numbers or truth values; what is added to scores is zeros, as any numbers may be."""
    return bool(each.bounds and MASK.fullmatch(each.name)) and not _datatype(each).is_floating_point


def _is_length(each: GivenInput, axes: int) -> bool:
    is_whole = each.datatype.startswith(("INT", "UINT"))
    return bool(LENGTH.fullmatch(each.name)) and axes == 1 and is_whole and math.prod(each.of.shape) == 1
