"""A part of the training samples that is not trained on: for evaluations while training goes on, or a fold.

Which samples these are depends on what they hold alone, so the folds of several runs are disjoint and complete, and
stay so when samples are added.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.membership import drawn, key_of
from torchferry.training.data.several import SeveralTargets
from torchferry.training.data.source import Source

VALIDATION_SEED, FOLD_SEED = 2**40 + 1, 2**40 + 2
"""Fixed, so that runs with other seeds hold the same samples apart; no source's split_seed is so large, whose test set
would be the same samples."""


def validation_part(source: Source, fraction: float) -> tuple[Source, Dataset]:
    """The source without `fraction` of its training samples, and these. Raises UserError."""
    key = "data.validation_fraction"
    return apart(source, drawn(_keys(source, key), VALIDATION_SEED) < fraction, key)


def fold_part(source: Source, fold: str) -> Source:
    """With fold 2/5: the second of five parts of the training samples is the test set, and not trained on."""
    number, folds = map(int, fold.split("/"))
    parts = (drawn(_keys(source, "fold"), FOLD_SEED) * folds).astype(np.int64)
    left, part = apart(source, parts == number - 1, "fold")
    listings = {split: listing for split, listing in source.listings.items() if split == "train"}
    return replace(left, test=part, listings=listings)


class Part(Dataset):
    """Some samples of a map-style data set."""

    def __init__(self, samples: Dataset, indices: np.ndarray) -> None:
        """`indices` are int64 [samples]."""
        self.samples, self.indices = samples, indices
        self.deterministic = getattr(samples, "deterministic", False)
        if isinstance(targets := getattr(samples, "targets", None), torch.Tensor):
            self.targets = targets[torch.from_numpy(indices)]
        if isinstance(lengths := getattr(samples, "lengths", None), np.ndarray):
            self.lengths = lengths[indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.samples[int(self.indices[index])]


def apart(source: Source, held: np.ndarray, key: str) -> tuple[Source, Dataset]:
    """The source without the training samples that are `held`, and these. Raises UserError where either is empty; `key`
    is what decides."""
    kept, indices = np.flatnonzero(~held), np.flatnonzero(held)
    for found, what in ((indices, "none would be held apart"), (kept, "none would be left to train on")):
        if not len(found):
            raise UserError(f"{key}: of {len(held)} training samples {what}; give another value, or more samples")
    positions, order = np.cumsum(~held) - 1, source.order

    def order_left(seed: int, epoch: int) -> np.ndarray:
        assert order is not None
        whole = order(seed, epoch)
        return positions[whole[~held[whole]]]

    train, part = part_of_samples(source.train, kept), part_of_samples(source.train, indices)
    # What is fitted anew has to be divided anew, by whoever holds the whole source.
    keys = None if source.keys is None else source.keys[kept]
    return replace(source, train=train, keys=keys, order=None if order is None else order_left, refit=None), part


def part_of_samples(samples: Dataset, indices: np.ndarray) -> Dataset:
    """`indices` are int64."""
    if isinstance(samples, SeveralTargets):
        return samples.part(torch.from_numpy(indices))
    if isinstance(samples, TensorDataset):
        return TensorDataset(*(tensor[torch.from_numpy(indices)] for tensor in samples.tensors))
    return Part(samples, indices)


def _keys(source: Source, key: str) -> np.ndarray:
    """uint64 [samples]: of what a sample holds where that is known without decoding it, else of its place."""
    if isinstance(source.train, IterableDataset):
        raise UserError(f"{key}: a stream has no samples to choose from; give it a data set with a length")
    return source.keys if source.keys is not None else _keys_of(source.train)


def _keys_of(samples: Dataset) -> np.ndarray:
    if isinstance(samples, Part):
        return _keys_of(samples.samples)[samples.indices]
    if isinstance(samples, TensorDataset):
        rows = samples.tensors[0].flatten(1).numpy()
        return np.array([key_of(row.tobytes()) for row in rows], dtype=np.uint64)
    if callable(keys := getattr(samples, "keys", None)):
        return np.asarray(keys(), dtype=np.uint64)
    return np.arange(len(samples), dtype=np.uint64)  # type: ignore[arg-type]  # map-style
