"""Finds out whether what stands behind a shorter sample changes its answer, for the checkpoint in eager mode and for
each variant, before a server computes samples of unequal sizes together.

Samples are computed alone, as long as they are, and beside a longer one. For the checkpoint arithmetic decides, as for
the company of a sample: what stays in float64 is the padding's. A variant is judged by how large the difference is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from torchferry.contract.axes import cut, stacked
from torchferry.errors import UserError
from torchferry.serving.bundle.answers import aligned
from torchferry.serving.export.checks.differences import amount, difference, scale
from torchferry.serving.export.checks.independence import ROUNDING, SEEN, SHARE, SHARES, STAYS
from torchferry.serving.export.checks.near_ties import excused, near_ties
from torchferry.serving.export.in_double import InDouble
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.sizes import Arrays, Sizes, resized, tried, words
from torchferry.serving.export.variants.torch_program import place, reason
from torchferry.serving.session import Session
from torchferry.serving.session.runtimes import RUNTIMES

WAY_ON = (
    "the value is not the one that the network knows as padding, or the network takes notice of it, such as in a mean; "
    "mend its mask, or leave --pad out, and only samples of equal sizes are computed together"
)
Run = Callable[[Arrays], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Beside:
    """A sample and a longer one."""

    sizes: Sizes
    longer: Sizes
    sample: Arrays
    together: Arrays
    """The sample first, padded."""


class Padding:
    """Of a reference, once; then `refusal` for each variant. Nothing where samples of unequal sizes never meet."""

    def __init__(self, reference: Reference, pads: bool) -> None:
        """`pads`: whether servers compute samples of unequal sizes together. Raises UserError where padding leaks."""
        self.reference = reference
        self.pairs = list(_pairs(reference)) if pads and reference.max_batch != 1 else []
        self.rounding = {spec.name: 0.0 for spec in reference.outputs}
        """By output: the largest difference in eager mode that is one of rounding."""
        for pair in self.pairs:
            self._check(pair)

    def refusal(self, session: Session, variant: str) -> str | None:
        """Why it may not be served, or None."""
        share = SHARES[RUNTIMES[variant].rounding]
        for pair in self.pairs:
            alone = session.run(pair.sample)
            for name, (apart, values) in self._apart(session.run, pair, alone).items():
                most = share * scale(values) + ROUNDING * self.rounding[name]
                if values.dtype.kind != "f":
                    apart, most = apart * ~self._ties(pair)[name], share
                if not amount(apart, values) <= most:
                    return f"padding leaks: {_words(name, apart, values, pair)}, allowed are {most:.2g}"
        return None

    def _check(self, pair: Beside) -> None:
        try:
            alone = self.reference.run(pair.sample)
            found = self._apart(self.reference.run, pair, alone)
        except Exception as error:  # such as of a value that is beyond a table
            raise UserError(f"model: does not compute a sample of {words(pair.sizes)} beside one of "
                            f"{words(pair.longer)}{place(error)}: {reason(error)}; is the "
                            "value that stands behind shorter samples one that it takes?") from error  # fmt: skip
        for name, (apart, values) in found.items():
            if amount(apart, values) <= SEEN * scale(values) or self._is_rounding(name, apart, values, pair):
                if values.dtype.kind == "f":
                    self.rounding[name] = max(self.rounding[name], amount(apart, values))
                continue
            raise UserError(f"model: padding leaks: {_words(name, apart, values, pair)}; {WAY_ON}")

    def _is_rounding(self, name: str, apart: np.ndarray, values: np.ndarray, pair: Beside) -> bool:
        if not np.isfinite(apart).all():
            return False
        if values.dtype.kind != "f":
            others = int((apart * ~self._ties(pair)[name]).sum())
            return not others and excused(int(apart.sum()), apart.size) == int(apart.sum())
        if self._in_double is None:
            return amount(apart, values) <= SHARE * scale(values)
        exactly, _ = self._apart(self._in_double.run, pair, self._in_double.run(pair.sample))[name]
        return bool(((exactly <= STAYS * apart) | (apart <= SEEN * scale(values))).all())

    def _apart(self, run: Run, pair: Beside, alone: Arrays) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """By output what padding changes of the sample's answer, and that answer alone."""
        given = {name: values[:1] for name, values in run(pair.together).items()}
        beside = {spec.name: cut(given[spec.name], spec, pair.sizes) for spec in self.reference.outputs}
        beside = aligned(self.reference, beside, alone)
        return {name: (difference(values, beside[name]), values) for name, values in alone.items()}

    def _ties(self, pair: Beside) -> dict[str, np.ndarray]:
        return near_ties(self.reference, pair.sample)

    @cached_property
    def _in_double(self) -> InDouble | None:
        try:
            exact = self.reference.in_double()
            exact.run(self.pairs[0].sample)
        except Exception:  # whatever a network makes of float64, which is said where its samples are compared
            return None
        return exact


def _pairs(reference: Reference) -> Iterator[Beside]:
    """Each size beside the next, and all beside the largest."""
    specs, samples = reference.inputs, reference.test.first(2)
    own = [{name: values[[row % len(values)]] for name, values in samples.items()} for row in range(2)]
    sizes = tried(specs)
    for number, each in enumerate(sizes[:-1]):
        for longer in (sizes[number + 1], sizes[-1])[: 1 + (number + 2 < len(sizes))]:
            if all(size >= longer[name] for name, size in each.items()):
                continue
            sample, other = (resized(one, specs, of) for one, of in zip(own, (each, longer), strict=True))
            together = {spec.name: stacked([sample[spec.name], other[spec.name]], spec) for spec in specs}
            yield Beside(each, longer, sample, together)


def _words(name: str, apart: np.ndarray, values: np.ndarray, pair: Beside) -> str:
    by = f"by {amount(apart, values):.2g}" if values.dtype.kind == "f" else f"in {amount(apart, values):.2%}"
    by = by if np.isfinite(apart).all() else "by more than can be counted"
    return f"'{name}' for {words(pair.sizes)} differs {by} when it is computed beside {words(pair.longer)}"
