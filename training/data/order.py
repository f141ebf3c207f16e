"""The order of samples: which rank sees which sample at which step.

One order per (seed, epoch) of the whole data set; global batch k is its k-th slice. With accumulation
that slice is cut into equal parts, and a rank takes its share of each. So the samples of a step are the
same at any world size, and where a run stands is (epoch, global batches done).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from torchferry.errors import UserError

Order = Callable[[int, int], np.ndarray]
"""(seed, epoch) to the samples of an epoch, int64."""


class Share(NamedTuple):
    """What one rank takes of one part of a global batch."""

    epoch: int
    batch: int
    """Number of the global batch in its epoch, from 0."""
    indices: np.ndarray
    """int64 [samples]; the first is `neighbour`'s if there is one."""


def permuted(samples: int) -> Order:
    """Each sample once, in an order of the epoch's own."""

    def order(seed: int, epoch: int) -> np.ndarray:
        # Not seed + epoch: epoch 1 of seed 1 would have the order of epoch 0 of seed 2.
        return np.random.default_rng([seed, epoch]).permutation(samples)

    return order


def weighted(samples: int, weights: np.ndarray) -> Order:
    """An order in which a sample comes as often as its weight says, on average: drawn with replacement.

    `weights` are float64 [samples], 0 or more.
    """
    shares = weights / weights.sum()

    def order(seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).choice(samples, samples, p=shares)

    return order


class GlobalBatches:
    """This rank's shares of each global batch.

    The samples that do not fill a last batch are left out; another order reaches them in the next epoch.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        *,
        accumulate: int = 1,
        neighbour: bool = False,
        order: Order | None = None,
    ) -> None:
        """With `neighbour`, each share begins with the sample that stands before it in the global batch, in a
        circle: what mixing two samples needs to be the same at any world size."""
        if samples == 0:
            raise UserError("data.source: the training set is empty")
        if batch_size % (world_size * accumulate):
            by = f"{world_size} ranks" + (f" x {accumulate} accumulated batches" if accumulate > 1 else "")
            raise UserError(f"data.batch_size: {batch_size} cannot be shared by {by}; give a multiple")
        if samples < batch_size:
            raise UserError(f"data.batch_size: {batch_size} is more than the {samples} training samples there are")
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.rank, self.share = rank, batch_size // (world_size * accumulate)
        self.world_size, self.accumulate, self.neighbour = world_size, accumulate, neighbour
        self.order = order or permuted(samples)

    def __len__(self) -> int:
        """Global batches, and so optimizer steps, in an epoch."""
        return self.samples // self.batch_size

    def shares(self, epoch: int, first: int = 0) -> Iterator[Share]:
        """From global batch `first` of the epoch to its end; `accumulate` shares for each."""
        order = self.order(self.seed, epoch)
        for batch in range(first, len(self)):
            slice_ = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            for part in range(self.accumulate):
                start = (part * self.world_size + self.rank) * self.share
                mine = slice_[start : start + self.share]
                # For the first sample start - 1 is -1, the last of the batch: that closes the circle.
                yield Share(epoch, batch, np.insert(mine, 0, slice_[start - 1]) if self.neighbour else mine)
