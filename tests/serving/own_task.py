"""A task as a user writes one, in a file of its own: how many hundredths of a picture are light, and whether most."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.contract.tasks.task import Arrays, Sums, Task


@dataclass(frozen=True, kw_only=True)
class Light(Task):
    training = "nowhere.Light"
    headline = "right"
    outputs = ("light",)
    files = {"txt": "text/plain"}  # noqa: RUF012
    counted = ("dark", "light")

    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:  # noqa: ARG002
        return {"light": float(sample["light"][0]), "mostly": bool(sample["light"][0] > 0.5)}

    def schema(self) -> dict[str, Any]:
        return {"light": {"type": "number"}, "mostly": {"type": "boolean"}}

    def read(self, words: Mapping[str, Any]) -> Arrays:
        return {"light": np.array([words["light"]], np.float32)}

    def file(self, form: str, sample: Arrays, picture: np.ndarray | None) -> bytes:  # noqa: ARG002
        return b"%.2f" % sample["light"][0]

    def counts(self, outputs: Arrays) -> np.ndarray:
        return np.bincount((outputs["light"][:, 0] > 0.5).astype(int), minlength=2).astype(float)

    def rows(self, outputs: Arrays, targets: Any) -> Arrays:
        return {"right": (outputs["light"][:, 0] > 0.5) == targets}

    def sums(self, rows: Arrays) -> Sums:
        return {"right": np.array(float(rows["right"].sum())), "all": np.array(float(len(rows["right"])))}

    def values(self, sums: Sums) -> dict[str, float]:
        return {"right": float(sums["right"] / sums["all"])}
