"""Who sees which sample when.

One permutation per (seed, epoch) of the whole data set; global batch k is its k-th slice, and a rank
takes its share of that slice. So the samples of a step are the same at any world size.
"""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from training.errors import UserError


class GlobalBatches(Sampler[list[int]]):
    """Yields this rank's indices of each global batch; call `set_epoch` before each epoch.

    The samples that do not fill a last batch are left out; another permutation reaches them in the
    next epoch.
    """

    def __init__(self, samples: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        if batch_size % world_size:
            raise UserError(f"data.batch_size: {batch_size} cannot be shared by {world_size} ranks; give a multiple")
        if samples < batch_size:
            raise UserError(f"data.batch_size: {batch_size} is more than the {samples} training samples there are")
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.rank, self.share = rank, batch_size // world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.samples // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.samples)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            mine = start + self.rank * self.share
            yield order[mine : mine + self.share].tolist()
