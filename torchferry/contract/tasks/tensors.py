"""Outputs of which nothing is known but their numbers, or the labels that some of them score."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from torchferry.contract.tasks.ranking import as_object, ranked, ranked_schema, read_ranked
from torchferry.contract.tasks.task import Arrays, Sums, Task


@dataclass(frozen=True, kw_only=True)
class Tensors(Task):
    """Whatever the network gives. There are no targets, so that variants are compared by their numbers alone."""

    of_output: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    """The labels of each output that scores some, [samples, labels]; None of the others."""

    training = "torchferry.training.tasks.tensors.Tensors"
    headline = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.of_output)

    @property
    def scores_labels(self) -> bool:
        return bool(self.labels)

    @property
    def has_words(self) -> bool:
        return any(self.of_output.values())

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:
        """{"outputs": {name: {"label", "score", "top_k"}}}, nested lists of numbers or strings for one without labels.
        A score is the network's own number, which need not be a probability."""
        said = {
            name: ranked(sample[name], labels, "score", top_k) if labels else _listed(sample[name])
            for name, labels in self.of_output.items()
        }
        return {"outputs": said}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        said = words["outputs"]
        return {
            name: read_ranked(said[name], labels, "score") if labels else _array(said[name])
            for name, labels in self.of_output.items()
        }

    def schema(self) -> dict[str, Any]:
        numbers = {
            "type": ["array", "number", "boolean", "string", "null"],
            "description": "numbers or strings in nested lists",
        }
        outputs = {
            name: as_object(ranked_schema(labels, "score")) if labels else numbers
            for name, labels in self.of_output.items()
        }
        return {"outputs": as_object(outputs)}

    def rows(self, outputs: Arrays, targets: Any) -> Arrays:  # noqa: ARG002
        return {}

    def sums(self, rows: Arrays) -> Sums:  # noqa: ARG002
        return {}

    def values(self, sums: Sums) -> dict[str, float]:  # noqa: ARG002
        return {}

    def of_outputs(self, labels: Mapping[str, tuple[str, ...] | None]) -> Self:
        return replace(self, of_output=dict(labels))

    @property
    def labels_by_output(self) -> Mapping[str, tuple[str, ...]]:
        return {name: labels for name, labels in self.of_output.items() if labels}

    @property
    def settings(self) -> dict[str, Any]:
        """None: outputs say their labels themselves."""
        return {}


def _listed(given: Any) -> Any:
    """Nested lists of numbers, or of texts where the array holds bytes objects."""
    listed = given if isinstance(given, bytes) else given.tolist()
    return _texts(listed) if isinstance(given, bytes) or given.dtype == object else listed


def _texts(given: Any) -> Any:
    return list(map(_texts, given)) if isinstance(given, list) else given.decode(errors="replace")


def _array(said: Any) -> np.ndarray:
    values = np.array(said)
    return values if values.dtype.kind == "U" else np.array(said, np.float64)
