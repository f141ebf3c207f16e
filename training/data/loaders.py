"""Batches on the training device, epoch after epoch."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.augment import Augment
from torchferry.training.data.collate import Batch, Fetch, Stream
from torchferry.training.data.order import GlobalBatches, Share
from torchferry.training.data.source import Source, pad_of
from torchferry.training.tasks.task import TrainingTask

EVALUATION_BATCH = 256


class Feed(Protocol):
    def epoch(self, epoch: int, first: int) -> Iterator[Batch]:
        """This rank's batches from global batch `first` on, as many for each as are accumulated."""


def open_feed(
    config: DataConfig, source: Source, order: GlobalBatches, task: TrainingTask, device: torch.device
) -> Feed:
    """The quickest way to the samples of `source`. Raises UserError for what cannot be done with it."""
    augment = Augment(config.augment, order.seed) if config.augment else None
    in_memory = isinstance(source.train, TensorDataset)
    pad = pad_of(source.input)
    if config.device_resident and pad is not None:
        raise UserError("data.device_resident: samples of unequal length are padded on the CPU; set it to false")
    if config.device_resident and not in_memory:
        raise UserError("data.device_resident: this data.source does not lie in memory; set it to false")
    if config.device_resident and augment and not augment.in_batches:
        raise UserError(
            "data.device_resident: a transform by import path works on single images on the CPU; use horizontal_flip, "
            "random_crop and rotation, or set it to false"
        )
    fetch = Fetch(source.train, task, augment, order.seed, skip_corrupt=config.on_corrupt == "skip", pad=pad)
    if isinstance(source.train, IterableDataset):
        return StreamFeed(fetch, source, order, config.workers, device)
    # On the CPU the set lies in memory already, so indexing it needs no loader.
    if config.device_resident or (in_memory and device.type == "cpu" and config.workers == 0):
        return ResidentFeed(fetch, order, device)
    return LoaderFeed(fetch, order, config.workers, device)


class ResidentFeed:
    """The whole data set lies on the device, and a batch is one indexing operation."""

    def __init__(self, fetch: Fetch, order: GlobalBatches, device: torch.device) -> None:
        assert isinstance(fetch.samples, TensorDataset)
        self.tensors = [tensor.to(device) for tensor in fetch.samples.tensors]
        self.fetch, self.order, self.device = fetch, order, device

    def epoch(self, epoch: int, first: int) -> Iterator[Batch]:
        for share in self.order.shares(epoch, first):
            indices = torch.from_numpy(share.indices)
            inputs, *held = (tensor[indices.to(self.device, non_blocking=True)] for tensor in self.tensors)
            targets = self.fetch.task.of_tensors(held)
            if self.fetch.augment is not None:
                inputs, targets = self.fetch.augment(inputs, targets, epoch, share.indices, self.fetch.task)
            yield Batch(inputs, targets, indices, share.batch, [])


class LoaderFeed:
    """Samples are read as they are needed, by loader processes if there are any."""

    def __init__(self, fetch: Fetch, order: GlobalBatches, workers: int, device: torch.device) -> None:
        self.order, self.device = order, device
        self.shares: Iterable[Share] = ()
        # One for all epochs, so that its processes are started once.
        self.loader = _loader(fetch, workers, device, shares=_Shares(self), persistent=workers > 0)

    def epoch(self, epoch: int, first: int) -> Iterator[Batch]:
        self.shares = self.order.shares(epoch, first)
        return _good(self.loader, self.device)


class StreamFeed:
    """An iterable data set, which only ever goes forward.

    Several ranks read it in a loader process at least, where a set that divides itself by rank can be told that there
    is no other one.
    """

    def __init__(self, fetch: Fetch, source: Source, order: GlobalBatches, workers: int, device: torch.device) -> None:
        self.fetch, self.source, self.order, self.device = fetch, source, order, device
        self.workers = max(workers, 1) if order.world_size > 1 else workers

    def epoch(self, epoch: int, first: int) -> Iterator[Batch]:
        stream = Stream(self.fetch, self.source, self.order, epoch, first)
        return _good(_loader(stream, self.workers, self.device), self.device)


@dataclass
class EvaluationFeed:
    """The samples of one rank: r, r + world size, ..., each exactly once; corrupt ones are left out.

    Every rank gets as many batches as the others, so the last may be empty.
    """

    samples: Dataset
    config: DataConfig
    task: TrainingTask
    device: torch.device
    split: str = "test"
    pad: float | None = None
    """What stands behind a shorter sample; None where all have one size."""

    def __call__(self, rank: int, world_size: int) -> Iterator[Batch]:
        size = len(self.samples)  # type: ignore[arg-type]  # map-style
        mine = np.arange(rank, size, world_size)
        starts = range(0, math.ceil(size / world_size), EVALUATION_BATCH)
        shares = [Share(0, number, mine[start : start + EVALUATION_BATCH]) for number, start in enumerate(starts)]
        skip = self.config.on_corrupt == "skip"
        fetch = Fetch(self.samples, self.task, skip_corrupt=skip, replace=False, pad=self.pad)
        workers = 0 if isinstance(self.samples, TensorDataset) else self.config.workers
        return _good(_loader(fetch, workers, self.device, shares=shares), self.device)


@dataclass
class _Shares:
    """What a loader that lives through all epochs asks for the next epoch's shares."""

    feed: LoaderFeed

    def __iter__(self) -> Iterator[Share]:
        return iter(self.feed.shares)


def _loader(
    dataset: Dataset,
    workers: int,
    device: torch.device,
    *,
    shares: Iterable[Share] | None = None,
    persistent: bool = False,
) -> DataLoader:
    return DataLoader(
        dataset,
        batch_size=None,  # a share is asked for as a whole, or a stream makes batches by itself
        sampler=shares,  # anything that __getitem__ takes
        num_workers=workers,
        worker_init_fn=_apart,
        persistent_workers=persistent,
        pin_memory=device.type == "cuda",
        # Its own: taking from torch's would move dropout with the number of workers.
        generator=torch.Generator(),
    )


def _good(batches: Iterable[Batch | str], device: torch.device) -> Iterator[Batch]:
    for batch in batches:
        if isinstance(batch, str):
            raise UserError(batch)
        yield batch.to(device)


def _apart(_: int) -> None:
    """Leave the process group, which torchrun and a terminal signal as a whole.

    The training process decides when its loaders end; they see it gone by themselves.
    """
    os.setpgid(0, 0)
