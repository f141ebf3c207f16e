"""Values for each sample, in the targets' own units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.contract.tasks.ranking import NUMBER, as_object, read_numbers
from torchferry.contract.tasks.task import Arrays, Sums, Task
from torchferry.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Regression(Task):
    """Numbers, in the targets' own units: `values`, float [samples, labels]. R2 is averaged over the labels.

    Targets are of the same shape. Of targets that are scaled, see scale_target of a source, the loss is of scaled
    values, in training and of the test set, and all else in the targets' own units.

    Args:
        mean: Of a network that learnt (target - mean) / std, which the graph scales back: what each label was scaled
            by, in its own units; empty where the network gives the values themselves.
        std: Likewise.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    of_data = ("mean", "std")
    training = "torchferry.training.tasks.regression.Regression"
    outputs = ("values",)
    headline = "r2"

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            given = getattr(self, name)
            if not isinstance(given, tuple) or any(type(value) not in (int, float) for value in given):
                raise UserError(f"{name}: {given!r} is no list of numbers")
        if len(self.mean) != len(self.std):
            raise UserError(f"std: has {len(self.std)} numbers, and mean has {len(self.mean)}")

    @property
    def scale(self) -> tuple[Any, Any]:
        return (self.mean, self.std) if self.mean else (0.0, 1.0)

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "mae", "rmse")

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        """{"values": {label: value}}."""
        return {"values": dict(zip(self.labels, map(float, sample["values"]), strict=True))}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        return {"values": read_numbers([words["values"][label] for label in self.labels])}

    def schema(self) -> dict[str, Any]:
        return {"values": as_object(dict.fromkeys(self.labels, NUMBER))}

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        return {"truth": targets.astype(np.float64), "predicted": outputs["values"].astype(np.float64)}

    def points(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        return rows["truth"], rows["predicted"]

    def sums(self, rows: Arrays) -> Sums:
        """Of |error|, error², target, target², each [labels], and the samples; targets less their mean, or the squares
        of large ones would lose the digits in which they differ."""
        error = rows["predicted"] - rows["truth"]
        truth = rows["truth"] - np.array(self.mean or 0.0)
        return {
            "samples": np.array(float(len(truth))),
            "absolute": np.abs(error).sum(axis=0),
            "squared": (error**2).sum(axis=0),
            "truth": truth.sum(axis=0),
            "truth_squared": (truth**2).sum(axis=0),
        }

    def values(self, sums: Sums) -> dict[str, float]:
        """r2 is the mean over the labels, NaN where the targets of one are all the same."""
        samples = max(float(sums["samples"]), 1.0)
        spread = sums["truth_squared"] - sums["truth"] ** 2 / samples
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 0, 1 - sums["squared"] / spread, np.nan).mean()
        return {
            "r2": float(r2),
            "mae": float((sums["absolute"] / samples).mean()),
            "rmse": float(np.sqrt((sums["squared"] / samples).mean())),
        }
