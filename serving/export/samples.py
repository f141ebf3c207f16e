"""The samples that a model is judged on, or calibrated with: batch after batch, as arrays by input name."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, default_collate

from torchferry.serving.export.batch_file import BatchFile
from torchferry.training.tasks.task import TrainingTask

BATCH = 64


@dataclass(frozen=True)
class Samples:
    data: Dataset
    """Of tuples: a tensor for each input, and then the target, if there is one."""
    names: tuple[str, ...]
    """The inputs', in the order of the network's arguments."""
    random: bool = False
    """Whether they are made up, because no real ones were given."""
    task: TrainingTask | None = None
    """Puts the targets of single samples together, as in training; None stacks them."""
    kept: BatchFile | None = None
    """Where batches stay once they are read, so that a picture is decoded once; None reads them again each time."""

    @property
    def count(self) -> int | None:
        """None for a stream that does not say."""
        try:
            return len(self.data)  # type: ignore[arg-type]  # a stream may have none
        except TypeError:
            return None

    def batches(self) -> Iterator[tuple[dict[str, np.ndarray], Any]]:
        """Inputs, and targets: arrays as the task takes them, or None where there are none. Raises UserError for a
        sample that cannot be read."""
        for arrays in self._arrays():
            targets = arrays[len(self.names)] if len(arrays) > len(self.names) else None
            yield dict(zip(self.names, arrays, strict=False)), targets

    def _arrays(self) -> Iterator[list[Any]]:
        number = 0
        for arrays in self.kept or ():
            yield arrays
            number += 1
        for parts in self._read(number):
            arrays = [pytree.tree_map(lambda value: value.numpy(), part) for part in parts]
            if self.kept:
                self.kept.add(number, arrays)
            yield arrays
            number += 1

    def _read(self, start: int) -> Iterator[Any]:
        """From the `start`th batch on."""
        if isinstance(self.data, IterableDataset):
            return islice(DataLoader(self.data, BATCH, collate_fn=self._collated), start, None)
        size = len(self.data)  # type: ignore[arg-type]  # a list, or map-style
        left = range(min(start * BATCH, size), size)
        return iter(DataLoader(Subset(self.data, left), BATCH, collate_fn=self._collated))

    def _collated(self, samples: list[Any]) -> list[Any]:
        if self.task is None:
            return default_collate(samples)
        columns = list(zip(*samples, strict=True))
        inputs, targets = (columns[part] for part in (slice(len(self.names)), slice(len(self.names), None)))
        if len(targets) > 1:  # of a data set in memory
            return [*map(torch.stack, inputs), self.task.of_tensors([torch.stack(each) for each in targets])]
        return [*map(torch.stack, inputs), *(self.task.batched(list(each)) for each in targets)]

    def picked(self, count: int) -> list[int]:
        """The indices of at most so many, evenly spread over a map-style data set."""
        size = len(self.data)  # type: ignore[arg-type]  # a list, or map-style
        return np.unique(np.linspace(0, size - 1, min(count, size)).astype(int)).tolist()

    def some(self, count: int) -> "Samples":
        """At most so many of them, evenly spread; of a stream the first."""
        if isinstance(self.data, IterableDataset):
            taken = [sample for sample, _ in zip(self.data, range(count), strict=False)]
            return Samples(taken, self.names, self.random, self.task)  # type: ignore[arg-type]  # a list is map-style
        return Samples(Subset(self.data, self.picked(count)), self.names, self.random, self.task)

    def first(self, count: int) -> dict[str, np.ndarray]:
        inputs, _ = next(self.some(count).batches())
        return inputs

    def repeated(self, count: int) -> dict[str, np.ndarray]:
        """So many samples; the same ones again, if there are fewer."""
        inputs = self.first(count)
        return {name: np.resize(values, (count, *values.shape[1:])) for name, values in inputs.items()}

    def tensors(self, count: int) -> tuple[torch.Tensor, ...]:
        """A few samples as the network's arguments."""
        return tuple(torch.from_numpy(array) for array in self.repeated(count).values())
