"""A data set that counts how often each of its samples was read."""

from typing import Any

from torch.utils.data import Dataset, TensorDataset


class Counted(Dataset):
    def __init__(self, samples: TensorDataset) -> None:
        self.samples, self.reads = samples, [0] * len(samples)

    def __len__(self) -> int:
        return len(self.reads)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        self.reads[index] += 1
        return self.samples[index]
