"""One label for each sample: classification, and binary with one number for two classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from torchferry.contract.tasks import score_bins
from torchferry.contract.tasks.ranking import ranked, ranked_schema, read_ranked
from torchferry.contract.tasks.task import AGREEMENT, Arrays, Sums, Task


@dataclass(frozen=True, kw_only=True)
class Classification(Task):
    """Of several classes one, by a logit or log probability for each: `probabilities`, float [samples, classes].

    Targets are class indices, int64 [samples].
    """

    training = "torchferry.training.tasks.classes.Classification"
    outputs: ClassVar[tuple[str, ...]] = ("probabilities",)
    headline = "accuracy"
    scores_labels = True
    counts_labels = True
    least_agreement = AGREEMENT

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:
        """{"label", "probability", "top_k"}."""
        return ranked(self._of_classes(sample[self.outputs[0]]), self.labels, "probability", top_k)

    def schema(self) -> dict[str, Any]:
        return ranked_schema(self.labels, "probability")

    def read(self, words: Mapping[str, Any]) -> Arrays:
        return {self.outputs[0]: self._given(read_ranked(words, self.labels, "probability"))}

    def counts(self, outputs: Arrays) -> np.ndarray:
        values = outputs[self.outputs[0]]
        known = ~np.isnan(values).any(axis=1)
        return self.counts_of(self.predicted(outputs)[known])

    def counts_of(self, targets: np.ndarray) -> np.ndarray:
        return np.bincount(targets.reshape(-1).astype(np.int64), minlength=len(self.labels)).astype(np.float64)

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        scores = self._of_classes(outputs[self.outputs[0]])
        return {"truth": targets.reshape(-1), "predicted": self.predicted(outputs), "scores": scores}

    def means(self, rows: Arrays) -> Arrays:
        return {"accuracy": rows["truth"] == rows["predicted"]}

    def sums(self, rows: Arrays) -> Sums:
        truth, predicted, scores = rows["truth"], rows["predicted"], rows["scores"]
        classes = len(self.labels)
        counts = np.bincount(truth * classes + predicted, minlength=classes**2)
        best = scores.max(axis=1, initial=0.0)
        return {
            **super().sums(rows),
            "confusion": counts.reshape(classes, classes).astype(np.float64),
            "scores": score_bins.score_bins(scores, truth[:, None] == np.arange(classes)),
            "calibration": score_bins.calibration_bins(best, truth == predicted),
        }

    def values(self, sums: Sums) -> dict[str, float]:
        return {
            **super().values(sums),
            "macro_f1": macro_f1(sums["confusion"]),
            "auroc": score_bins.auroc(sums["scores"]),
            "calibration_error": score_bins.calibration_error(sums["calibration"]),
        }

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        return rows["truth"], rows["truth"] != rows["predicted"]

    def confusion(self, sums: Sums) -> np.ndarray:
        return sums["confusion"].astype(np.int64)

    def kept(self, rows: Arrays) -> Arrays:
        return {name: rows[name] for name in ("truth", "predicted")}

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray:
        return (self.predicted(answered) == self.predicted(expected)).astype(np.float64)

    def predicted(self, outputs: Arrays) -> np.ndarray:
        """int64 [samples]."""
        return outputs[self.outputs[0]].argmax(axis=1)

    def _given(self, of_classes: np.ndarray) -> np.ndarray:
        """What `_of_classes` has made it of."""
        return of_classes

    def _of_classes(self, given: np.ndarray) -> np.ndarray:
        """[..., classes]: the probability of each."""
        return np.concatenate(self.columns(given), axis=-1)


@dataclass(frozen=True, kw_only=True)
class Binary(Classification):
    """Of two classes one, by one logit, above 0 for the second: its `probability`, float [samples, 1].

    Targets are class indices, int64 [samples].
    """

    training = "torchferry.training.tasks.classes.Binary"
    outputs: ClassVar[tuple[str, ...]] = ("probability",)

    def values(self, sums: Sums) -> dict[str, float]:
        counts, values = sums["confusion"], super().values(sums)
        found = counts[1, 1]
        del values["macro_f1"]
        return {
            "accuracy": values["accuracy"],
            "precision": float(found / max(1.0, counts[:, 1].sum())),
            "recall": float(found / max(1.0, counts[1].sum())),
            **values,
        }

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "precision", "recall")

    def predicted(self, outputs: Arrays) -> np.ndarray:
        return (outputs[self.outputs[0]][:, 0] > 0.5).astype(np.int64)

    def columns(self, scores: Any) -> tuple[Any, ...]:
        return 1 - scores, scores

    def _given(self, of_classes: np.ndarray) -> np.ndarray:
        return of_classes[1:]


def macro_f1(confusion: np.ndarray) -> float:
    """The mean F1 of the classes that are true or predicted somewhere; rows are true classes."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * confusion.diagonal()[both > 0] / both[both > 0]).mean()) if both.any() else 0.0
