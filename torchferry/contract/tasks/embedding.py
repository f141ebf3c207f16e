"""A vector for each sample, near to those of samples that belong together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from torchferry.contract.tasks.neighbours import found
from torchferry.contract.tasks.ranking import NUMBER, read_numbers
from torchferry.contract.tasks.task import AGREEMENT, Arrays, Task

ALIKE = 0.99
"""The cosine from which on two vectors of one sample count as the same answer; they are 8 degrees apart."""


@dataclass(frozen=True, kw_only=True)
class Embedding(Task):
    """`vector`, float [samples, numbers], of length 1: the scalar product of two is their cosine. Targets are class
    indices, int64 [samples]; samples of one class belong together. The labels are of both sets, so the test set may
    have classes of which there is no sample to train on. Of pairs each is a class of two."""

    training = "torchferry.training.tasks.embedding.Embedding"
    outputs = ("vector",)
    headline = "recall_at_1"
    least_agreement = AGREEMENT
    adds_up: ClassVar[bool] = False
    related = ("similarity",)

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "recall_at_5", "map")

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        """{"vector": numbers}."""
        return {"vector": sample["vector"].tolist()}

    def schema(self) -> dict[str, Any]:
        return {"vector": {"type": "array", "items": NUMBER, "description": "of length 1"}}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        return {"vector": read_numbers(words["vector"])}

    def relations(self, outputs: Arrays) -> Arrays:
        """The cosine of each sample with each, to what digits of float32 it has."""
        vectors = outputs["vector"].astype(np.float64)
        return {"similarity": np.round(vectors @ vectors.T, 6)}

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        return {"truth": targets.reshape(-1), "vector": outputs["vector"]}

    def together(self, rows: Arrays) -> Arrays:
        """What each sample finds among all others; NaN for one whose class no other has."""
        return found(rows["vector"], rows["truth"])

    def means(self, rows: Arrays) -> Arrays:
        """Over the samples of whose class there is another one: whether it is the nearest, or among the five nearest,
        and the average precision of all others by nearness. Of those equally near (see `neighbours.TIE`), others of the
        class are last. Drawn again are the queries: what they find was found among all."""
        return rows

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray:
        """Whether the two vectors of a sample point in nearly the same direction. Which neighbour is the nearest takes
        all samples, and of near ones either may do."""
        given, wanted = (each["vector"].astype(np.float64) for each in (answered, expected))
        lengths = np.linalg.norm(given, axis=1) * np.linalg.norm(wanted, axis=1)
        alike = (lengths > 0) & ((given * wanted).sum(axis=1) >= ALIKE * lengths)
        return (alike | (given == wanted).all(axis=1)).astype(np.float64)  # zeros point nowhere
