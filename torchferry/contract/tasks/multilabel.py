"""Any number of labels for each sample."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from torchferry.contract.tasks import score_bins
from torchferry.contract.tasks.ranking import NUMBER, as_object, read_numbers
from torchferry.contract.tasks.task import AGREEMENT, NONE, Arrays, Sums, Task
from torchferry.errors import UserError

TUNED = "tuned"
BEFORE = 0.5
"""The threshold until they are tuned."""


@dataclass(frozen=True, kw_only=True)
class Multilabel(Task):
    """Any number of labels for each sample, by a logit for each: `probabilities`, float [samples, labels].

    Targets are 0 and 1, uint8 of the same shape.

    Args:
        thresholds: From which probability on a label is given, 0..1: one number for all labels, or one for each in
            their order; tuned finds those of the best F1 on the validation split once training is over.
    """

    thresholds: float | tuple[float, ...] | Literal["tuned"] = 0.5

    training = "torchferry.training.tasks.multilabel.Multilabel"
    outputs = ("probabilities",)
    headline = "micro_f1"
    scores_labels = True
    least_agreement = AGREEMENT

    def __post_init__(self) -> None:
        if self.thresholds == TUNED:
            return
        each = self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)
        for value in each:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise UserError(f"thresholds: {value!r} is no threshold; give numbers from 0 to 1, or {TUNED}")
        if isinstance(self.thresholds, tuple) and self.labels and len(each) != len(self.labels):
            raise UserError(
                f"thresholds: has {len(each)} numbers; one for each of {len(self.labels)} labels is "
                "expected, or one for all"
            )

    @property
    def unsettled(self) -> str | None:
        return "thresholds" if self.thresholds == TUNED else None

    def settled(self, rows: Arrays) -> Self:
        return replace(self, thresholds=self.tuned(rows)) if self.unsettled else self

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "macro_f1", "map")

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        """{"labels": those from their threshold on, the most probable first, "probabilities": {label: number}}."""
        numbers = sample["probabilities"]
        given = np.flatnonzero(self._given(numbers))
        best = given[np.argsort(-numbers[given], kind="stable")]
        return {
            "labels": [self.labels[index] for index in best],
            "probabilities": dict(zip(self.labels, map(float, numbers), strict=True)),
        }

    def read(self, words: Mapping[str, Any]) -> Arrays:
        return {"probabilities": read_numbers([words["probabilities"][label] for label in self.labels])}

    def schema(self) -> dict[str, Any]:
        labels = {"type": "array", "items": {"enum": [*self.labels]}}
        return {"labels": labels, "probabilities": as_object(dict.fromkeys(self.labels, NUMBER))}

    @property
    def counted(self) -> tuple[str, ...]:
        return (*self.labels, NONE) if self.labels else ()

    def counts(self, outputs: Arrays) -> np.ndarray:
        return self.counts_of(self._given(outputs["probabilities"]))

    def counts_of(self, targets: np.ndarray) -> np.ndarray:
        return np.append(targets.sum(axis=0, dtype=np.float64), (~targets.astype(bool).any(axis=1)).sum())

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        truth, given = targets.astype(bool), self._given(outputs["probabilities"])
        return {
            "truth": truth,
            "scores": outputs["probabilities"],
            "right": (truth & given).sum(axis=1),
            "either": (truth | given).sum(axis=1),
        }

    def sums(self, rows: Arrays) -> Sums:
        truth, given = rows["truth"], self._given(rows["scores"])
        pairs = (truth & given, ~truth & given, truth & ~given)
        return {
            "found": np.stack([each.sum(axis=0, dtype=np.float64) for each in pairs]),
            "scores": score_bins.score_bins(rows["scores"], truth),
        }

    def values(self, sums: Sums) -> dict[str, float]:
        """map is the mean average precision."""
        right, wrong, missed = sums["found"]
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(right + wrong + missed > 0, 2 * right / (2 * right + wrong + missed), np.nan)
        known = each[~np.isnan(each)]
        return {
            "micro_f1": float(2 * right.sum() / max(2 * right.sum() + wrong.sum() + missed.sum(), 1.0)),
            "macro_f1": float(known.mean()) if len(known) else 0.0,
            "map": score_bins.average_precision(sums["scores"]),
        }

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """By how many labels a sample has."""
        truth = rows["truth"]
        return truth.sum(axis=1), (truth != self._given(rows["scores"])).any(axis=1)

    def kept(self, rows: Arrays) -> Arrays:
        return {name: rows[name] for name in ("right", "either")}

    def scores(self, rows: Arrays, times: np.ndarray) -> np.ndarray:
        right, either = (times @ rows[name] for name in ("right", "either"))
        return 2 * right / np.maximum(right + either, 1.0)

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray:
        """The share of labels that both give or both do not."""
        same = self._given(answered["probabilities"]) == self._given(expected["probabilities"])
        return same.mean(axis=1)

    def tuned(self, rows: Arrays) -> tuple[float, ...]:
        """The threshold of each label with its best F1 over the rows of a batch of samples, in the middle between the
        two scores that it parts; `BEFORE` for a label that no sample has. A NaN is no score."""
        return tuple(_best_threshold(*each) for each in zip(rows["scores"].T, rows["truth"].T, strict=True))

    def _given(self, numbers: np.ndarray) -> np.ndarray:
        """bool of the same shape; never for NaN."""
        thresholds = BEFORE if isinstance(self.thresholds, str) else self.thresholds
        return numbers >= np.asarray(thresholds, dtype=numbers.dtype)


def _best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    known, positive = ~np.isnan(scores), truth.sum()
    scores, truth = scores[known], truth[known]
    if not truth.any():
        return BEFORE
    order = np.argsort(-scores, kind="stable")
    ranked, right = scores[order].astype(np.float64), truth[order].cumsum()
    f1 = 2 * right / (np.arange(1, len(order) + 1) + positive)
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # no threshold parts ties
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)
