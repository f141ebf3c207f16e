"""A part of the training samples that is not trained on: for evaluations while training goes on, or a fold.

Which samples these are depends on what they hold alone, so the folds of several runs are disjoint and complete, and
stay so when samples are added.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.membership import drawn
from torchferry.training.data.source import Input, Source

VALIDATION_SEED, FOLD_SEED = 1, 2
"""Fixed, so that runs with other seeds hold the same samples apart."""

Chosen = Callable[[Dataset], np.ndarray]
"""bool [samples]: those that are held apart."""


def validation_part(source: Source, fraction: float) -> tuple[Source, Dataset]:
    """The source without `fraction` of its training samples, and these. Raises UserError."""

    def chosen(samples: Dataset) -> np.ndarray:
        return drawn(_keys(samples, "data.validation_fraction"), VALIDATION_SEED) < fraction

    return _apart(source, chosen, "data.validation_fraction")


def fold_part(source: Source, fold: str) -> Source:
    """With fold 2/5: the second of five parts of the training samples is the test set, and not trained on."""
    number, folds = map(int, fold.split("/"))

    def chosen(samples: Dataset) -> np.ndarray:
        return (drawn(_keys(samples, "fold"), FOLD_SEED) * folds).astype(np.int64) == number - 1

    left, part = _apart(source, chosen, "fold")
    refit = source.refit
    listings = {"train": source.listings["train"]} if "train" in source.listings else {}
    return replace(
        left, test=part, listings=listings, refit=None if refit is None else lambda given: fold_part(refit(given), fold)
    )


class Part(Dataset):
    """Some samples of a map-style data set."""

    def __init__(self, samples: Dataset, indices: np.ndarray) -> None:
        """`indices` are int64 [samples]."""
        self.samples, self.indices = samples, indices
        self.deterministic = getattr(samples, "deterministic", False)
        if isinstance(targets := getattr(samples, "targets", None), torch.Tensor):
            self.targets = targets[torch.from_numpy(indices)]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.samples[int(self.indices[index])]


def _apart(source: Source, chosen: Chosen, key: str) -> tuple[Source, Dataset]:
    held = chosen(source.train)
    kept, indices = np.flatnonzero(~held), np.flatnonzero(held)
    for found, what in ((indices, "none would be held apart"), (kept, "none would be left to train on")):
        if not len(found):
            raise UserError(f"{key}: of {len(held)} training samples {what}; give another value, or more samples")
    positions = np.cumsum(~held) - 1
    order, refit = source.order, source.refit

    def order_left(seed: int, epoch: int) -> np.ndarray:
        assert order is not None
        whole = order(seed, epoch)
        return positions[whole[~held[whole]]]

    def refit_left(given: Input) -> Source:
        assert refit is not None
        return _apart(refit(given), chosen, key)[0]

    left = replace(
        source,
        train=_part(source.train, kept),
        order=None if order is None else order_left,
        refit=None if refit is None else refit_left,
    )
    return left, _part(source.train, indices)


def _part(samples: Dataset, indices: np.ndarray) -> Dataset:
    if isinstance(samples, TensorDataset):
        return TensorDataset(*(tensor[torch.from_numpy(indices)] for tensor in samples.tensors))
    return Part(samples, indices)


def _keys(samples: Dataset, key: str) -> np.ndarray:
    """uint64 [samples]: of what a sample holds where that is known without decoding it, else of its place."""
    if isinstance(samples, IterableDataset):
        raise UserError(f"{key}: a stream has no samples to choose from; give it a data set with a length")
    if isinstance(samples, Part):
        return _keys(samples.samples, key)[samples.indices]
    if isinstance(samples, TensorDataset):
        rows = samples.tensors[0].flatten(1).numpy()
        return np.array([_hash(row.tobytes()) for row in rows], dtype=np.uint64)
    if callable(keys := getattr(samples, "keys", None)):
        return np.asarray(keys(), dtype=np.uint64)
    return np.arange(len(samples), dtype=np.uint64)  # type: ignore[arg-type]  # map-style


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
