"""The sizes in --input: `3x16`; `[LEAST..MOST]`, `[AXIS=LEAST..MOST]` or `[LEAST..MOST/STEP]` for an axis that varies.

Axes of one name have one size in a sample, in all inputs.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from torchferry.contract.axes import Axis

SIZE = r"(?:\d+|\[[^\[\]]*\])"
SIZES = rf"{SIZE}(?:x{SIZE})*"
BOUNDS = re.compile(r"(?:(?P<name>[^=]*)=)?(?P<least>\d+)\.\.(?P<most>\d+)(?:/(?P<step>\d+))?")
AXIS_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
FORM = "[1..512], [tokens=1..512] and [32..512/32], of multiples of 32, are axes that vary"


@dataclass(frozen=True)
class Bounds:
    """Of an axis that varies."""

    at: int
    """Its place, the batch being 0."""
    name: str | None
    least: int
    most: int
    step: int = 1

    def axis(self, tensor: str) -> Axis:
        """Without a name it is called by the tensor's and its place."""
        name = self.name or re.sub(r"\W", "_", f"{tensor}_{self.at}")
        return Axis(at=self.at, name=name, least=self.least, most=self.most, step=self.step)


def read_sizes(text: str) -> tuple[tuple[int, ...], tuple[Bounds, ...]]:
    """A sample's shape, -1 for each axis that varies. Raises ValueError in words for what is no size."""
    shape: list[int] = []
    bounds: list[Bounds] = []
    for at, word in enumerate(re.findall(SIZE, text), start=1):
        if word.startswith("["):
            bounds.append(_bounds(word, at))
            shape.append(-1)
        else:
            shape.append(int(word))
    return tuple(shape), tuple(bounds)


def at_most(shape: Sequence[int], bounds: Sequence[Bounds]) -> tuple[int, ...]:
    """Of the largest sample."""
    largest = {each.at: each.most for each in bounds}
    return tuple(largest.get(at, size) for at, size in enumerate(shape, start=1))


def elements(shape: Sequence[int], bounds: Sequence[Bounds]) -> int:
    """Of the largest sample."""
    return math.prod(at_most(shape, bounds))


def _bounds(word: str, at: int) -> Bounds:
    found = BOUNDS.fullmatch(word[1:-1])
    if found is None:
        raise ValueError(f"{word} is no axis; {FORM}")
    name = found["name"]
    if name is not None and (not AXIS_NAME.fullmatch(name) or name == "batch"):
        raise ValueError(f"an axis's name is ASCII letters, digits and '_', and not batch; {word} has '{name}'")
    least, most, step = int(found["least"]), int(found["most"]), int(found["step"] or 1)
    if least < 1 or step < 1:
        raise ValueError(f"{word}: a size is 1 or more")
    if -(-least // step) * step > most:
        raise ValueError(f"{word}: there is no size between its bounds")
    return Bounds(at, name, least, most, step)
