"""The company that a sample may have in a server: batches in which a few evaluation samples are looked for.

A graph's batch axis is a symbol, so that no branch on its length is exported. What differs by length is arithmetic with
it, which shows from two samples on, and the choice of kernels, which goes by powers of two and by what is left over.
The sizes are small and odd ones, a power of two, and the most that our server forms unless it is told another number.
With the samples alone it is about 80 that are computed, however many there are to be judged on.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from torchferry.serving.export.samples import Samples
from torchferry.serving.export.sizes import of_one_size

COMPARED = 8
"""Samples that are looked for, the golden ones first."""
SIZES = (2, 3, 5, 32)
"""Beside the batch in reverse order, which is as large as COMPARED."""
COPIES = 3
LARGE = 1e6
"""How many times as large as the largest value of the evaluation samples a neighbour's values are."""
WHOLE = (100_000, 10_000, 1_000, 100, 10, 1)
"""Of a neighbour's integers the first that the network takes: nothing says how many rows its tables have."""

Arrays = Mapping[str, np.ndarray]
Takes = Callable[[Arrays], bool]
"""Whether the network computes something for these inputs."""


@dataclass(frozen=True)
class Together:
    """One batch."""

    how: str
    """What the samples are in, for a message: `a batch of 5`."""
    inputs: dict[str, np.ndarray]
    places: dict[int, int]
    """Which of the compared samples is where, by its place in the batch."""
    is_extreme: bool = False
    """Whether it may be one that a session cannot compute, and a server therefore computes one by one."""

    @property
    def size(self) -> int:
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Company:
    samples: dict[str, np.ndarray]
    """Those that are compared."""
    batches: tuple[Together, ...]

    @property
    def alone(self) -> Iterator[dict[str, np.ndarray]]:
        for sample in range(len(next(iter(self.samples.values())))):
            yield {name: values[sample : sample + 1] for name, values in self.samples.items()}


def pool_of(test: Samples, golden: int) -> dict[str, np.ndarray]:
    """Of one size the `golden` first samples and others, of which the first COMPARED are compared."""
    return of_one_size([test.first(golden), test.first(SIZES[-1])])


def company_of(pool: Arrays, most: int | None, takes: Takes) -> Company:
    """No batch has more than `most` samples, where that is a number."""
    count = min(COMPARED, len(next(iter(pool.values()))))
    batches = []
    if most != 1:
        batches = [*_sizes(pool, count, most), *_reversed(pool, count, most)]
        batches += _extremes(pool, count, most, takes)
    return Company({name: values[:count] for name, values in pool.items()}, tuple(batches))


def _sizes(pool: Arrays, count: int, most: int | None) -> Iterator[Together]:
    """Each starts with another sample, and goes on to those that are not compared."""
    total = len(next(iter(pool.values())))
    sizes = [size for size in SIZES if most is None or size <= most]
    if most is not None and most < SIZES[-1] and most not in sizes:
        sizes.append(most)
    for number, size in enumerate(sizes):
        rows = (3 * number % count + np.arange(size)) % total
        yield _batch(f"a batch of {size}", pool, rows, count)


def _reversed(pool: Arrays, count: int, most: int | None) -> Iterator[Together]:
    """Where each has another place, and others before and behind it."""
    size, order = min(count, most or count), np.arange(count)[::-1]
    for start in range(0, count, size):
        yield _batch("a batch in reverse order", pool, order[start : start + size], count)


def _extremes(pool: Arrays, count: int, most: int | None, takes: Takes) -> Iterator[Together]:
    """A sample behind and one before a neighbour unlike all others, and one beside copies of itself."""
    yield _batch("a batch of its own copies", pool, np.zeros(min(COPIES, most or COPIES), int), count)
    for number, (what, neighbour) in enumerate(_neighbours(pool, takes)):
        for place in (1, 0):
            sample = (2 * number + 1 - place) % count
            both = [neighbour, {name: values[sample : sample + 1] for name, values in pool.items()}]
            inputs = {name: np.concatenate([each[name] for each in both[:: 1 if place else -1]]) for name in pool}
            yield Together(f"a batch of 2 beside {what}", inputs, {place: sample}, is_extreme=True)


def _neighbours(pool: Arrays, takes: Takes) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """One sample each that the network takes."""
    usual = {name: values[-1:] for name, values in pool.items()}
    found = {"zeros": {name: np.zeros_like(values) for name, values in usual.items()}}
    real = {name: values for name, values in usual.items() if values.dtype.kind == "f"}
    if real:
        large = {name: np.full_like(values, _large(pool[name])) for name, values in real.items()}
        found["large values"] = usual | large
        found["large negative values"] = usual | {name: -values for name, values in large.items()}
        found["NaN"] = usual | {name: np.full_like(values, np.nan) for name, values in real.items()}
    yield from ((what, neighbour) for what, neighbour in found.items() if takes(neighbour))
    for most in WHOLE if len(real) < len(usual) else ():
        whole = {name: _filled(values, most) for name, values in usual.items() if name not in real}
        if takes(usual | whole):
            yield "large whole numbers", usual | whole
            return


def _large(values: np.ndarray) -> float:
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=1.0))
    return min(LARGE * largest, float(np.finfo(values.dtype).max))


def _filled(values: np.ndarray, most: int) -> np.ndarray:
    """Of whole numbers or truth values; pixels become white."""
    most = 1 if values.dtype.kind == "b" else min(most, np.iinfo(values.dtype).max)
    return np.full_like(values, most)


def _batch(how: str, pool: Arrays, rows: np.ndarray, count: int) -> Together:
    """`rows` of the pool, of which the first `count` are compared."""
    places = {place: int(row) for place, row in enumerate(rows) if row < count}
    return Together(how, {name: values[rows] for name, values in pool.items()}, places)
