"""Samples brought to a size of their axes that vary, and the sizes that are tried.

A sample that gets longer is repeated from its start; one that gets shorter is cut. Both leave values that the network
knows, where zeros or noise may be none.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from torchferry.contract.axes import Axis, sizes_of
from torchferry.serving.bundle.tensor_spec import TensorSpec

Arrays = Mapping[str, np.ndarray]
Sizes = Mapping[str, int]
"""By the axis's name."""
BETWEEN = 3
"""Sizes that are tried between the bounds of an axis."""


def axes_of(specs: Sequence[TensorSpec]) -> dict[str, Axis]:
    """Those of the inputs that vary, each once."""
    return {axis.name: axis for spec in specs for axis in spec.axes}


def spread(axis: Axis, count: int) -> list[int]:
    """At most so many sizes from bound to bound, closer to each other where they are small."""
    sizes = axis.sizes
    steps = np.geomspace(sizes[0], sizes[-1], min(count, len(sizes)))
    near = [min(len(sizes) - 1, max(0, round((size - sizes[0]) / axis.step))) for size in steps]
    return [sizes[place] for place in dict.fromkeys(near)]


def tried(specs: Sequence[TensorSpec]) -> list[dict[str, int]]:
    """The sizes at the bounds and between: of all axes together, and of each at a bound while the others are not."""
    axes = axes_of(specs)
    if not axes:
        return []
    ways = {name: spread(axis, BETWEEN + 2) for name, axis in axes.items()}
    middle = {name: sizes[len(sizes) // 2] for name, sizes in ways.items()}
    count = max(map(len, ways.values()))
    together = [{name: sizes[min(place, len(sizes) - 1)] for name, sizes in ways.items()} for place in range(count)]
    together[-1] = {name: sizes[-1] for name, sizes in ways.items()}
    apart = [middle | {name: size} for name, sizes in ways.items() for size in (sizes[0], sizes[-1])]
    found: list[dict[str, int]] = []
    for each in (*together, *(apart if len(ways) > 1 else ())):
        if each not in found:
            found.append(each)
    return found


def largest(specs: Sequence[TensorSpec]) -> dict[str, int]:
    return {name: axis.sizes[-1] for name, axis in axes_of(specs).items()}


def words(sizes: Sizes) -> str:
    return " and ".join(f"{size:,} {name}" for name, size in sizes.items())


def resized(inputs: Arrays, specs: Sequence[TensorSpec], sizes: Sizes) -> dict[str, np.ndarray]:
    """Samples of one size as ones of another. A whole number without such an axis that is never above the size, as a
    length is not, is not above it afterwards either."""
    made, before = dict(inputs), sizes_of(specs, inputs)
    for spec in specs:
        for axis in spec.axes:
            places = np.arange(sizes[axis.name]) % before[axis.name]
            made[spec.name] = made[spec.name].take(places, axis=axis.at)
    if len(before) == 1 and sizes != before:
        (old,), (new,) = before.values(), sizes.values()
        lengths = [spec.name for spec in specs if not spec.axes and _is_length(made[spec.name], old)]
        made |= {name: np.minimum(made[name], np.array(new, made[name].dtype)) for name in lengths}
    return made


def _is_length(values: np.ndarray, size: int) -> bool:
    return values.dtype.kind in "iu" and values.size > 0 and int(values.max()) <= size


def of_one_size(groups: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Samples of several sizes as ones of the largest: shorter ones are repeated."""
    names = list(groups[0])
    most = {name: np.max([values[name].shape[1:] for values in groups], axis=0).astype(int) for name in names}
    return {name: np.concatenate([_wrapped(values[name], most[name]) for values in groups]) for name in names}


def _wrapped(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    for at, size in enumerate(sizes, start=1):
        if values.shape[at] != size:
            values = values.take(np.arange(size) % values.shape[at], axis=at)
    return values


def elements(sample: Arrays) -> int:
    """Of one sample of the batch."""
    return sum(math.prod(values.shape[1:]) for values in sample.values())
