"""Bounds how far servers' answers to the golden samples may be from the checkpoint's, each output by itself.

A server may be another machine, which rounds otherwise: a bundle allows twice what was measured where it was made.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from torchferry.serving.bundle.answers import aligned
from torchferry.serving.bundle.variant import Measured
from torchferry.serving.export.checks.company import Arrays
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.independence import Dependence, Independence
from torchferry.serving.export.checks.near_ties import excused, near_ties
from torchferry.serving.session import ROUNDED, Session

LEAST = 1e-4
"""Of an output's largest value, or of 1 where that is above it: what float32 sums of another machine differ by."""


class GoldenTolerance:
    def __init__(self, expected: Expected, independence: Independence, golden: int) -> None:
        """`golden`: how many of the evaluation set's first samples the bundle has."""
        self.expected, self.independence = expected, independence
        self.groups = expected.reference.test.of_sizes(golden)
        """Of one size each."""

    def of(self, session: Session, measured: Measured, dependence: Dependence) -> dict[str, float]:
        """By output: the largest difference, or of whole numbers and truth values the share that may be others."""
        rounding, scales = self.independence.rounding, self.expected.scales
        floats = {
            name: max(
                LEAST * min(1.0, scales[name]),
                *(
                    2 * each
                    for each in (measured.differences[name] or 0.0, dependence.largest.get(name, 0.0), rounding[name])
                ),
            )
            for name in scales
        }
        return floats | (self._whole(session) if measured.changed_shares else {})

    def _whole(self, session: Session) -> dict[str, float]:
        """Near ties, which another machine may decide otherwise, and what the variant itself answers otherwise, which
        the gate has judged. Of samples of several sizes the largest share."""
        found = [self._shares(session, *known) for known in zip(self.groups, self._answers, self._ties, strict=True)]
        return {name: max(ROUNDED, *(shares[name] for shares in found)) for name in found[0]}

    def _shares(
        self, session: Session, samples: Arrays, answers: Arrays, near: Mapping[str, np.ndarray]
    ) -> dict[str, float]:
        others = {name: ties & (excused(int(ties.sum()), ties.size) > 0) for name, ties in near.items()}
        for rows in _calls(samples):
            answered = session.run({name: np.ascontiguousarray(values[rows]) for name, values in samples.items()})
            answered = aligned(
                self.expected.reference, answered, {name: values[rows] for name, values in answers.items()}
            )
            for name, found in others.items():
                found[rows] |= answered[name] != answers[name][rows]
        return {name: float(found.mean()) if found.size else 0.0 for name, found in others.items()}

    @cached_property
    def _answers(self) -> list[Arrays]:
        return [self.expected.reference.run(samples) for samples in self.groups]

    @cached_property
    def _ties(self) -> list[dict[str, np.ndarray]]:
        return [near_ties(self.expected.reference, samples) for samples in self.groups]


def _calls(samples: Arrays) -> Iterator[np.ndarray]:
    """As check_golden asks them."""
    rows = np.arange(len(next(iter(samples.values()))))
    yield from (rows, rows[::-1], *(rows[row : row + 1] for row in rows))
