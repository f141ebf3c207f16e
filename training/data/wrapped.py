"""The two kinds of data sets that torch knows, with every sample checked and every error named."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset

from torchferry.training.config.instantiate import one_line
from torchferry.training.data.sample import Sample
from torchferry.training.errors import CorruptSample


class Indexed(Dataset):
    """Map-style. Raises CorruptSample for whatever the data set raises at a sample."""

    def __init__(self, samples: Any, name: str, sample: Sample) -> None:
        self.samples, self.name, self.sample = samples, name, sample

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        name = f"{self.name}[{index}]"
        try:
            found = self.samples[index]
        except Exception as error:  # somebody's code runs here
            raise CorruptSample(f"{name}: cannot be read: {one_line(error)}") from error
        return self.sample(found, name)


class Streamed(IterableDataset):
    """The first `count` samples of a stream; fewer if it ends before."""

    def __init__(self, samples: Any, name: str, sample: Sample, count: int) -> None:
        self.samples, self.name, self.sample, self.count = samples, name, sample, count

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        """For data sets that shuffle by themselves."""
        if hasattr(self.samples, "set_epoch"):
            self.samples.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        stream = iter(self.samples)
        for index in range(self.count):
            name = f"{self.name}[{index}]"
            try:
                found = next(stream)
            except StopIteration:
                return
            except Exception as error:  # somebody's code runs here
                raise CorruptSample(f"{name}: cannot be read: {one_line(error)}") from error
            yield self.sample(found, name)
