"""`--sizes [AXIS=]DISTRIBUTION`: how large random samples are on an axis that varies, drawn for each request.

`8..128`: any of these, each as likely. `lognormal:40:0.8`: half are below 40, and the logarithm's standard deviation is
0.8, as lengths of texts often are. A FILE has one size a line, of which one is drawn, as likely as it stands there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.nearest import nearest
from torchferry.serving.bundle.tensor_spec import TensorSpec

FORMS = "LEAST..MOST, lognormal:MEDIAN:SIGMA, or a file with one size a line"
LOGNORMAL = "lognormal"


@dataclass(frozen=True)
class GivenSizes:
    axis: str
    """All that vary, if it is empty."""
    words: str
    """As it was given."""
    distribution: str
    """Without the axis."""

    @classmethod
    def of(cls, words: str) -> "GivenSizes":
        axis, equals, distribution = words.rpartition("=")
        if not distribution or (equals and not axis):
            raise UserError(f"--sizes: '{words}' says no sizes; give {FORMS}")
        return cls(axis, words, distribution)

    def draw(self, axis: Axis, count: int, random: np.random.Generator) -> np.ndarray:
        """Raises UserError for sizes that the model does not take."""
        least, dots, most = self.distribution.partition("..")
        if dots and least.isdecimal() and most.isdecimal():
            first = -(-int(least) // axis.step) * axis.step
            return random.choice(self._checked(range(first, int(most) + 1, axis.step), axis), count)
        kind, _, numbers = self.distribution.partition(":")
        if kind == LOGNORMAL:
            return self._lognormal(numbers, axis, count, random)
        return random.choice(self._checked(self._listed(), axis), count)

    def _lognormal(self, numbers: str, axis: Axis, count: int, random: np.random.Generator) -> np.ndarray:
        """Brought to the nearest size that the model takes."""
        try:
            median, sigma = map(float, numbers.split(":"))
        except ValueError:
            median = sigma = math.nan
        if not (0 < median < math.inf and 0 <= sigma < math.inf):
            raise UserError(f"--sizes: '{self.words}' is not of the form lognormal:MEDIAN:SIGMA, as lognormal:40:0.8")
        steps = np.rint(random.lognormal(math.log(median), sigma, count) / axis.step)
        first = -(-axis.least // axis.step)
        last = math.inf if axis.most is None else axis.most // axis.step
        return (np.clip(steps, max(1, first), last) * axis.step).astype(np.int64)

    def _listed(self) -> list[int]:
        path = Path(self.distribution)
        try:
            return [int(line) for line in path.read_text().split()]
        except OSError as error:
            raise UserError(f"--sizes: '{self.words}' is no file that can be read; give {FORMS}") from error
        except ValueError as error:
            raise UserError(f"--sizes: {path}: a line is no whole number ({error}); give one size a line") from error

    def _checked(self, sizes: Sequence[int], axis: Axis) -> Sequence[int]:
        if not sizes:
            raise UserError(f"--sizes: '{self.words}' has no size; the model takes {axis.words} {axis.name}")
        for size in (min(sizes), max(sizes)):
            if size < 1 or not axis.takes(size):
                raise UserError(f"--sizes: '{self.words}' has {size:,}; the model takes {axis.words} {axis.name}")
        return sizes


def drawn(
    specs: Sequence[TensorSpec], given: Sequence[GivenSizes], count: int, random: np.random.Generator
) -> list[dict[str, int]]:
    """For each request the size on each axis, by its name; without being asked any between the axis's bounds.

    Raises UserError for an axis that is not the model's, and for one whose sizes nobody says.
    """
    axes = {axis.name: axis for spec in specs for axis in spec.axes}
    by_axis = {each.axis: each for each in given}
    for name in by_axis:
        if name and name not in axes:
            near = nearest(name, axes)
            said = f"did you mean {near}?" if near else f"it has {', '.join(axes) or 'none that vary'}"
            raise UserError(f"--sizes: the model has no axis '{name}'; {said}")
    if "" in by_axis and not axes:
        raise UserError("--sizes: the model has no axis that varies")
    columns: dict[str, list[int]] = {}
    for name, axis in axes.items():
        how = by_axis.get(name) or by_axis.get("")
        if how is None and axis.most is None:
            who = ", ".join(f"'{spec.name}'" for spec in specs if axis in spec.axes)
            raise UserError(f"--input: nothing says what {name} of {who} may be; give --sizes {name}=8..128")
        how = how or GivenSizes.of(f"{axis.sizes[0]}..{axis.sizes[-1]}")
        columns[name] = how.draw(axis, count, random).tolist()
    return [{name: column[number] for name, column in columns.items()} for number in range(count)]


def summary(specs: Sequence[TensorSpec], requests: Sequence[Mapping[str, np.ndarray]]) -> dict[str, dict[str, float]]:
    """Least, median, mean and most of what is sent, by axis."""
    places = {axis.name: (spec.name, axis.at) for spec in specs for axis in spec.axes}
    found = {}
    for axis, (name, at) in places.items():
        sizes = np.array([request[name].shape[at] for request in requests])
        found[axis] = {
            "least": float(sizes.min()),
            "median": float(np.median(sizes)),
            "mean": float(sizes.mean()),
            "most": float(sizes.max()),
        }
    return found


def words(sizes: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A summary, for people."""
    return [
        f"{of['least']:,.0f} to {of['most']:,.0f} {axis}, half of them up to {of['median']:,.0f}"
        for axis, of in sizes.items()
    ]
