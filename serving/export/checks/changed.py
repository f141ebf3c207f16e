"""Counts, over the evaluation set, the whole numbers and truth values that a variant answers otherwise."""

from collections.abc import Mapping

import numpy as np

from torchferry.serving.export.checks.differences import difference
from torchferry.serving.export.checks.near_ties import excused, near_ties
from torchferry.serving.export.reference import Reference

LOOKED_AT = 16
"""Samples with a change of which it is found out whether it is a near tie. Of more of them the share is enough."""
Arrays = Mapping[str, np.ndarray]


class Changed:
    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.elements: dict[str, int] = {}
        self.otherwise: dict[str, int] = {}
        self.ties: dict[str, int] = {}
        self.left = LOOKED_AT

    def add(self, inputs: Arrays, answered: Arrays, expected: Arrays) -> None:
        """A batch: what the variant answered, and the checkpoint."""
        apart = {
            name: np.broadcast_to(difference(values, answered[name]), values.shape) > 0
            for name, values in expected.items()
            if values.dtype.kind != "f"
        }
        for name, values in apart.items():
            self.elements[name] = self.elements.get(name, 0) + values.size
            self.otherwise[name] = self.otherwise.get(name, 0) + int(values.sum())
        self._look_at(inputs, apart)

    def _look_at(self, inputs: Arrays, apart: Arrays) -> None:
        samples = np.unique(np.concatenate([[], *(np.nonzero(values)[0] for values in apart.values())])).astype(int)
        samples = samples[: self.left]
        if not samples.size:
            return
        self.left -= samples.size
        for name, ties in near_ties(self.reference, {name: values[samples] for name, values in inputs.items()}).items():
            self.ties[name] = self.ties.get(name, 0) + int((ties & apart[name][samples]).sum())

    def shares(self) -> dict[str, float]:
        """By output the share, 0..1, that is neither the checkpoint's nor a near tie."""
        return {
            name: (self.otherwise[name] - excused(self.ties.get(name, 0), elements)) / max(elements, 1)
            for name, elements in self.elements.items()
        }
