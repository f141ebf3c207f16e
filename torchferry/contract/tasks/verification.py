"""Tells whether two samples belong together, by the cosine of their vectors."""

from dataclasses import dataclass

import numpy as np

from torchferry.contract.tasks.embedding import Embedding
from torchferry.contract.tasks.task import Arrays

DIGITS = 6
"""Of a cosine. Those after them depend on how samples are batched."""


@dataclass(frozen=True, kw_only=True)
class Verification(Embedding):
    """`vector`, as an embedding has it, judged by listed pairs that are the same or different, as faces are. Targets
    are int64 [samples, 3]: the class, which is learnt; the number of the pair, which two samples share; and whether
    that pair is the same, 1 or 0."""

    training = "torchferry.training.tasks.verification.Verification"
    headline = "pair_accuracy"

    @property
    def told(self) -> tuple[str, ...]:
        return (self.headline, "auroc")

    def rows(self, outputs: Arrays, targets: np.ndarray) -> Arrays:
        return {"pair": targets[:, 1], "same": targets[:, 2], "vector": outputs["vector"]}

    def together(self, rows: Arrays) -> Arrays:
        """A row for each pair of which both samples are there."""
        order = np.argsort(rows["pair"], kind="stable")
        pairs = rows["pair"][order]
        first = np.flatnonzero(pairs[1:] == pairs[:-1])
        one, other = (rows["vector"][order[first + place]].astype(np.float64) for place in (0, 1))
        cosines = np.nan_to_num(np.round((one * other).sum(axis=1), DIGITS), nan=-2.0)  # less than any
        return {"cosine": cosines, "same": rows["same"][order[first]]}

    def measure(self, rows: Arrays) -> dict[str, float]:
        """pair_accuracy at the `threshold` that is best for these pairs: from that cosine on two samples count as the
        same. auroc is the share of the pairs of a same and a different one in which the same one's cosine is larger."""
        cosines, counts = np.unique(rows["cosine"], return_inverse=True)
        same = np.bincount(counts, rows["same"], len(cosines))
        different = np.bincount(counts, 1 - rows["same"], len(cosines))
        total = same.sum() + different.sum()
        if not total:
            return {"pair_accuracy": float("nan"), "auroc": float("nan"), "threshold": float("nan")}
        # From each cosine on, and from none: the same ones that are there, and the different ones that are not.
        right = np.append(same[::-1].cumsum()[::-1], 0) + np.concatenate([[0.0], different.cumsum()])
        best = int(right.argmax())
        below = different.cumsum() - different / 2
        both = same.sum() * different.sum()
        return {
            "pair_accuracy": float(right[best] / total),
            "auroc": float((same * below).sum() / both) if both else float("nan"),
            "threshold": float(np.append(cosines, cosines[-1] + 10.0**-DIGITS)[best]),
        }
