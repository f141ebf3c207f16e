"""Samples in memory that have sizes of their own: arrays as long as the longest, and how much of each is a sample's.

In an .npz that is the inputs' arrays, and `sizes.AXIS` [samples] for each axis that varies.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import GivenInput

SIZES = "sizes"


class Unequal(TensorDataset):
    def __init__(
        self, tensors: Sequence[torch.Tensor], axes: Sequence[tuple[Axis, ...]], sizes: Mapping[str, np.ndarray]
    ) -> None:
        """`axes` of the first tensors; `sizes` [samples] by their names. What is behind a sample becomes zeros."""
        super().__init__(*tensors)
        self.axes, self.sizes = axes, sizes
        for tensor, own in zip(tensors, axes, strict=False):
            for axis in own:
                places = np.arange(tensor.shape[axis.at]) >= sizes[axis.name][:, None]
                shape = [1] * tensor.dim()
                shape[0], shape[axis.at] = places.shape
                tensor.masked_fill_(torch.from_numpy(places).reshape(shape), 0)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        sample = list(super().__getitem__(index))
        for number, own in enumerate(self.axes):
            for axis in own:
                sample[number] = sample[number].narrow(axis.at - 1, 0, int(self.sizes[axis.name][index]))
        return tuple(sample)


def sizes_in(arrays: Mapping[str, np.ndarray], inputs: Sequence[GivenInput], what: str) -> dict[str, np.ndarray]:
    """By axis the size of each sample: what the file says, or that of its arrays. Raises UserError for sizes that are
    not the samples', or beyond the axis's bounds."""
    found: dict[str, np.ndarray] = {}
    for given in inputs:
        values = arrays[given.name]
        for axis in given.axes:
            longest = values.shape[axis.at]
            sizes = found.get(axis.name, arrays.get(f"{SIZES}.{axis.name}", np.full(len(values), longest)))
            named = f"{what}'{SIZES}.{axis.name}'"
            if sizes.dtype.kind not in "iu" or sizes.shape != (len(values),):
                raise UserError(f"{named} is {sizes.dtype} {list(sizes.shape)}; a whole number for each of the "
                                f"{len(values)} samples is expected")  # fmt: skip
            for sample, size in enumerate(sizes.tolist()):
                if not axis.takes(size):
                    raise UserError(f"{what}sample {sample} of '{given.name}' has {size:,} {axis.name}; "
                                    f"--input says {axis.words}")  # fmt: skip
                if size > longest:
                    raise UserError(f"{named} says {size:,} of sample {sample}; '{given.name}' has {longest:,}")
            found[axis.name] = sizes
    return found
